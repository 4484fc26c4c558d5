CREATE TABLE traces (
    trace_id text PRIMARY KEY,
    turn_id text NOT NULL,  -- a turn that failed has no row in turns
    session_id text NOT NULL,
    user_id text,
    tags text[] NOT NULL,
    about jsonb NOT NULL,  -- model, adapter, prompt_version, settings_hash
    started_at timestamptz NOT NULL
);
CREATE INDEX traces_started ON traces (started_at DESC, trace_id);
CREATE INDEX traces_session ON traces (session_id, started_at);
CREATE INDEX traces_turn ON traces (turn_id);

CREATE TABLE observations (
    trace_id text NOT NULL REFERENCES traces ON DELETE CASCADE,
    observation_id text NOT NULL,
    parent_id text,  -- null: the turn itself
    position integer NOT NULL,  -- order in which they began, from 0
    name text NOT NULL,
    kind text NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms double precision NOT NULL,
    model text,
    usage jsonb NOT NULL,  -- tokens
    input jsonb,
    output jsonb,
    metadata jsonb NOT NULL,
    error text,
    PRIMARY KEY (trace_id, observation_id)
);
