-- The encoder whose vectors are searched: one a kind. Another's may be made beside it, and the
-- search changes over in one statement when they are whole.
ALTER TABLE embedding_models
    ADD COLUMN active boolean NOT NULL DEFAULT false,
    ADD COLUMN normalised boolean NOT NULL DEFAULT true;  -- false: compared by inner product

UPDATE embedding_models SET active = true WHERE model_id IN (
    SELECT model_id FROM embedding_models LEFT JOIN (
        SELECT model_id, count(*) AS vectors FROM passage_embeddings GROUP BY model_id
    ) counted USING (model_id) WHERE kind = 'text'
    ORDER BY vectors DESC NULLS LAST, model_id LIMIT 1
);
CREATE UNIQUE INDEX embedding_models_active ON embedding_models (kind) WHERE active;
