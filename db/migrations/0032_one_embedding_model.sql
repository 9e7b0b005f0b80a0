-- Which models processes embed with. Passages are embedded in the background by one at a time, that of the process that
-- started last: of two set up differently each would do again what the other did, without end.
CREATE TABLE doc_embedders (
  embedder text PRIMARY KEY,
  -- When a process with it started last, and when one was last heard of.
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL
);
ALTER TABLE doc_embedders ENABLE ROW LEVEL SECURITY;
ALTER TABLE doc_embedders FORCE ROW LEVEL SECURITY;
CREATE POLICY runtime ON doc_embedders TO patchbay_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON doc_embedders TO patchbay_system;

-- The model that refused the passage, when it took others: it is tried again when its source is indexed again.
ALTER TABLE doc_chunks ADD COLUMN embedding_refused_by text;
-- How long its vectors are: a model may come to give longer ones under the name it had.
ALTER TABLE doc_sources ADD COLUMN embedded_length integer;
GRANT SELECT (embedded_length) ON doc_sources TO patchbay_system;

-- (Whoever migrates is bound by forced policies.)
DO $$
BEGIN
  IF to_regclass('patchbay.doc_embeddings') IS NULL THEN RETURN; END IF;
  ALTER TABLE doc_sources NO FORCE ROW LEVEL SECURITY;
  ALTER TABLE doc_chunks NO FORCE ROW LEVEL SECURITY;
  ALTER TABLE doc_embeddings NO FORCE ROW LEVEL SECURITY;
  UPDATE doc_sources s SET embedded_length = (
    SELECT max(e.length) FROM doc_embeddings e JOIN doc_chunks c ON c.id = e.chunk_id
    WHERE c.source_id = s.id AND e.embedder = s.embedded_by) WHERE embedded_by IS NOT NULL;
  ALTER TABLE doc_sources FORCE ROW LEVEL SECURITY;
  ALTER TABLE doc_chunks FORCE ROW LEVEL SECURITY;
  ALTER TABLE doc_embeddings FORCE ROW LEVEL SECURITY;
END $$;
