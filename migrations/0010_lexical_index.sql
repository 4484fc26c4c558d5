-- BM25 in SQL: an inverted index kept in segments, as Lucene does. A batch of passages becomes a
-- segment, small segments are merged into larger ones, so that adding stays cheap and a query
-- reads few rows. Passages are immutable; those deleted leave at the next merge of their segment.
CREATE TABLE lexical_segments (
    segment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    passages integer NOT NULL CHECK (passages > 0),
    words bigint NOT NULL
);

-- Arrays in step: the passage, how often the term is in it, and how many terms it has.
CREATE TABLE postings (
    term text COLLATE "C" NOT NULL,
    segment_id bigint NOT NULL,
    passages bigint[] NOT NULL,
    frequencies smallint[] NOT NULL,
    lengths smallint[] NOT NULL,
    PRIMARY KEY (term, segment_id)
);
CREATE INDEX postings_segment ON postings (segment_id);

-- English stems with their positions. All but letters and digits separates: left to the parser,
-- "p53/MDM2" is a file name and the "-2" of "IL-2" a number.
CREATE FUNCTION stems(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.english', regexp_replace(words, '[^[:alnum:]]+', ' ', 'g'))
$$;

CREATE FUNCTION add_segment(ids bigint[]) RETURNS void LANGUAGE sql AS $$
    WITH found AS MATERIALIZED (
        SELECT passage_id, lexeme, cardinality(positions) AS frequency
        FROM passages JOIN articles USING (article_id), unnest(stems(title || ' ' || passage))
        WHERE passage_id = ANY (ids)
    ), sized AS MATERIALIZED (
        SELECT passage_id, sum(frequency) AS length FROM found GROUP BY passage_id
    ), segment AS (
        INSERT INTO lexical_segments (passages, words)
        SELECT count(*), sum(length) FROM sized HAVING count(*) > 0 RETURNING segment_id
    )
    INSERT INTO postings (term, segment_id, passages, frequencies, lengths)
    SELECT lexeme, segment_id, array_agg(passage_id ORDER BY passage_id),
        array_agg(frequency ORDER BY passage_id), array_agg(length ORDER BY passage_id)
    FROM found JOIN sized USING (passage_id), segment GROUP BY lexeme, segment_id
$$;

CREATE FUNCTION merge_segments(ids bigint[]) RETURNS void LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM lexical_segments WHERE segment_id = ANY (ids)
    ), old AS (
        DELETE FROM postings WHERE segment_id = ANY (ids) RETURNING *
    ), posted AS MATERIALIZED (
        SELECT term, passage_id, frequency, length
        FROM old, unnest(old.passages, frequencies, lengths) AS u (passage_id, frequency, length)
        WHERE EXISTS (SELECT FROM passages p WHERE p.passage_id = u.passage_id)
    ), sized AS (
        SELECT DISTINCT passage_id, length FROM posted
    ), segment AS (
        INSERT INTO lexical_segments (passages, words)
        SELECT count(*), sum(length) FROM sized HAVING count(*) > 0 RETURNING segment_id
    )
    INSERT INTO postings (term, segment_id, passages, frequencies, lengths)
    SELECT term, segment_id, array_agg(passage_id ORDER BY passage_id),
        array_agg(frequency ORDER BY passage_id), array_agg(length ORDER BY passage_id)
    FROM posted, segment GROUP BY term, segment_id
$$;

SELECT add_segment(array_agg(passage_id)) FROM passages;
DROP INDEX passages_lexemes;
ALTER TABLE passages DROP COLUMN lexemes;
