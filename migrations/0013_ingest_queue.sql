-- Passages that wait for their vectors, a batch a row. Whoever stores passages enqueues them in the
-- same transaction; a worker deletes a row, embeds and stores its vectors in one transaction too.
-- FOR UPDATE SKIP LOCKED gives each batch to one worker, and a worker that dies gives it back.
CREATE TABLE embedding_queue (
    batch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    passage_ids bigint[] NOT NULL
);

-- What an earlier version left without a vector of the encoder that is searched.
INSERT INTO embedding_queue (passage_ids)
SELECT array_agg(passage_id) FROM (
    SELECT passage_id, (row_number() OVER (ORDER BY passage_id) - 1) / 64 AS batch
    FROM passages p WHERE NOT EXISTS (
        SELECT FROM passage_embeddings e JOIN embedding_models m USING (model_id)
        WHERE e.passage_id = p.passage_id AND m.kind = 'text' AND m.active
    )
) waiting GROUP BY batch ORDER BY batch;

-- Files whose every article is in, so that a folder of them is gone on with where it stopped.
CREATE TABLE ingested_files (
    sha256 text NOT NULL,
    format text NOT NULL,
    corpus text NOT NULL,
    articles integer NOT NULL,
    ingested_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sha256, format, corpus)
);

-- PubMed revises its citations and deletes some: the later version counts, and what was deleted
-- does not come back with an older file.
ALTER TABLE articles
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN revised date;
CREATE TABLE deleted_articles (
    source_id text PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now()
);
