-- What a literature search can be narrowed by, without case; an index each.
CREATE FUNCTION lowered(texts text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower(texts::text)::text[]
$$;
CREATE INDEX articles_year ON articles (year);
CREATE INDEX articles_journal ON articles (lower(journal));
CREATE INDEX articles_corpus ON articles (corpus);
CREATE INDEX articles_mesh_terms ON articles USING gin (lowered(mesh_terms));
CREATE INDEX articles_publication_types ON articles USING gin (lowered(publication_types));
