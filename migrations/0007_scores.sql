-- Scores on their way to the tracing server: written with what they are made of, sent by a worker.
CREATE TABLE scores (
    score_id text PRIMARY KEY,  -- made from its cause, so that the server takes a score once
    feedback_id text REFERENCES feedback ON DELETE CASCADE,
    trace_id text NOT NULL,
    name text NOT NULL,
    value jsonb NOT NULL,  -- a number or a string
    data_type text NOT NULL CHECK (data_type IN ('BOOLEAN', 'NUMERIC', 'CATEGORICAL')),
    comment text,
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    sent_at timestamptz,  -- when the server took it
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    next_try timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX scores_unsent ON scores (next_try) WHERE sent_at IS NULL;
CREATE INDEX scores_feedback ON scores (feedback_id);

-- What was said before and is not sent.
INSERT INTO scores
    (score_id, feedback_id, trace_id, name, value, data_type, comment, details, created_at)
SELECT feedback_id || '-' || name, feedback_id, trace_id, name, value, data_type,
    feedback ->> 'comment', jsonb_strip_nulls(feedback) - 'comment' - 'helpful', given_at
FROM feedback JOIN turns USING (turn_id) CROSS JOIN LATERAL (VALUES
    ('user_feedback', to_jsonb((feedback ->> 'helpful')::boolean::integer), 'BOOLEAN'),
    ('user_comment', CASE WHEN feedback ->> 'helpful' IS NULL
        THEN to_jsonb(left(feedback ->> 'comment', 500)) END, 'CATEGORICAL'),
    ('corrected_label', to_jsonb(left(feedback ->> 'corrected_label', 500)), 'CATEGORICAL')
) said (name, value, data_type)
WHERE sent_at IS NULL AND value IS NOT NULL;

ALTER TABLE feedback DROP COLUMN sent_at;
