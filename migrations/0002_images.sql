CREATE TABLE images (
    image_id text PRIMARY KEY,
    path text NOT NULL,
    width integer NOT NULL CHECK (width > 0),
    height integer NOT NULL CHECK (height > 0),
    caption text NOT NULL,
    labels jsonb NOT NULL CHECK (jsonb_typeof(labels) = 'object'),
    source text NOT NULL,
    licence text NOT NULL,
    image_group text NOT NULL,  -- slide or patient
    simulated boolean NOT NULL,
    thumbnail bytea NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE image_embeddings (
    image_id text NOT NULL REFERENCES images ON DELETE CASCADE,
    model_id integer NOT NULL,
    dimension integer NOT NULL,
    embedding vector NOT NULL CHECK (vector_dims(embedding) = dimension),
    PRIMARY KEY (model_id, image_id),
    FOREIGN KEY (model_id, dimension) REFERENCES embedding_models (model_id, dimension)
);
CREATE INDEX image_embeddings_image ON image_embeddings (image_id);
-- Beside its row where it fits a page: an exact scan need not look each vector up elsewhere.
ALTER TABLE image_embeddings ALTER COLUMN embedding SET STORAGE MAIN;
