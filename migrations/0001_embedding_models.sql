-- A model that makes vectors. Every vector names its model and has that model's dimension, so that
-- vectors of different models can lie side by side and are never compared.
CREATE TABLE embedding_models (
    model_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('image', 'text')),
    name text NOT NULL,
    dimension integer NOT NULL CHECK (dimension BETWEEN 1 AND 16000),
    registered_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, name),
    UNIQUE (model_id, dimension)
);
