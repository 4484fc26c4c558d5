-- What people say of Cytoscribe as a whole, from forms that were passed around: rows that belong to
-- no turn. Only ever added.
CREATE TABLE remarks (
    remark_id text PRIMARY KEY,
    given_at timestamptz NOT NULL,
    remark jsonb NOT NULL
);
