CREATE TABLE articles (
    article_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id text NOT NULL UNIQUE,
    pmid text,
    doi text,
    title text NOT NULL,
    journal text,
    year integer,
    mesh_terms text[] NOT NULL,
    publication_types text[] NOT NULL,
    retracted boolean NOT NULL,
    corpus text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX articles_pmid ON articles (pmid) WHERE pmid IS NOT NULL;

CREATE TABLE passages (
    passage_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    article_id bigint NOT NULL REFERENCES articles ON DELETE CASCADE,
    position integer NOT NULL,  -- within the article, from 0
    section text NOT NULL,
    passage text NOT NULL,
    quoted boolean NOT NULL,
    lexemes tsvector NOT NULL,  -- of title and passage
    UNIQUE (article_id, position)
);
CREATE INDEX passages_lexemes ON passages USING gin (lexemes);

CREATE TABLE passage_embeddings (
    passage_id bigint NOT NULL REFERENCES passages ON DELETE CASCADE,
    model_id integer NOT NULL,
    dimension integer NOT NULL,
    embedding vector NOT NULL CHECK (vector_dims(embedding) = dimension),
    PRIMARY KEY (model_id, passage_id),
    FOREIGN KEY (model_id, dimension) REFERENCES embedding_models (model_id, dimension)
);
CREATE INDEX passage_embeddings_passage ON passage_embeddings (passage_id);
ALTER TABLE passage_embeddings ALTER COLUMN embedding SET STORAGE MAIN;
