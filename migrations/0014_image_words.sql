-- Images found by words: what their captions and labels say, as English stems, and the vectors of
-- captions, a row for each that differs, however many images carry it.
ALTER TABLE images ADD COLUMN lexemes tsvector GENERATED ALWAYS AS (
    stems(caption) || jsonb_to_tsvector('pg_catalog.english', labels, '["string"]')
) STORED;
CREATE INDEX images_lexemes ON images USING gin (lexemes);
CREATE INDEX images_caption ON images (md5(caption));

CREATE TABLE caption_embeddings (
    caption_md5 text NOT NULL,
    model_id integer NOT NULL,
    dimension integer NOT NULL,
    embedding vector NOT NULL CHECK (vector_dims(embedding) = dimension),
    PRIMARY KEY (model_id, caption_md5),
    FOREIGN KEY (model_id, dimension) REFERENCES embedding_models (model_id, dimension)
);
ALTER TABLE caption_embeddings ALTER COLUMN embedding SET STORAGE MAIN;
