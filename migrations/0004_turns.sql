CREATE TABLE sessions (
    session_id text PRIMARY KEY,
    started_at timestamptz NOT NULL
);

CREATE TABLE turns (
    turn_id text PRIMARY KEY,
    session_id text NOT NULL REFERENCES sessions ON DELETE CASCADE,
    trace_id text NOT NULL,
    asked_at timestamptz NOT NULL,
    record jsonb NOT NULL
);
CREATE INDEX turns_session ON turns (session_id, asked_at);

CREATE TABLE evidence (
    turn_id text NOT NULL REFERENCES turns ON DELETE CASCADE,
    evidence_id text NOT NULL,
    position integer NOT NULL,  -- order in which the tools returned it, from 0
    kind text NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (turn_id, evidence_id)
);
CREATE INDEX evidence_id ON evidence (evidence_id);

CREATE TABLE feedback (
    feedback_id text PRIMARY KEY,
    turn_id text NOT NULL REFERENCES turns ON DELETE CASCADE,
    given_at timestamptz NOT NULL,
    feedback jsonb NOT NULL,
    sent_at timestamptz  -- when it went to the tracing server as a score
);
CREATE INDEX feedback_turn ON feedback (turn_id, given_at);
CREATE INDEX feedback_unsent ON feedback (given_at) WHERE sent_at IS NULL;
