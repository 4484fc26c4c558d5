-- What professionals say of what a model said of an image. Both labels stand side by side, and no
-- row is ever changed: of one reviewer on one thing of an image, the newest row counts.
CREATE TABLE corrections (
    correction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feedback_id text NOT NULL,
    turn_id text NOT NULL REFERENCES turns,
    session_id text NOT NULL,
    image_id text NOT NULL,
    name text NOT NULL,  -- of a finding, or 'class', 'description', 'answer:' with the question
    model text NOT NULL,
    model_value text,  -- NULL: the model said nothing of it
    probability double precision,
    human_value text,  -- what is true; NULL: the model is wrong, and no more is known
    reviewer text NOT NULL,
    role text,
    given_at timestamptz NOT NULL,
    UNIQUE (feedback_id, image_id, name),
    CHECK (model_value IS NOT NULL OR human_value IS NOT NULL)
);
CREATE INDEX corrections_of_image ON corrections (image_id, name);
CREATE INDEX corrections_of_turn ON corrections (turn_id);

CREATE FUNCTION refuse_to_change_corrections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'corrections are only ever added: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Add a newer correction; the newest counts.';
END
$$;
CREATE TRIGGER corrections_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON corrections
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_corrections();
