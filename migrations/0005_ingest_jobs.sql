CREATE TABLE ingest_jobs (
    job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    path text NOT NULL,
    state text NOT NULL DEFAULT 'running'
        CHECK (state IN ('running', 'finished', 'failed', 'cancelled')),
    done integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
