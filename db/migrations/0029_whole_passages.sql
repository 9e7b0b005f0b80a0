-- The built-in embedding model reads whole passages: each has one embedding, where the one before it needed several.
ALTER TABLE doc_sources
  -- The model of which every passage of it has an embedding; null: some have none.
  ADD COLUMN embedded_by text,
  -- A process is embedding it until then, and says so again with each batch.
  ADD COLUMN embedding_until timestamptz;
-- The background work looks for those of all organizations, and sees no more of them.
CREATE POLICY runtime ON doc_sources FOR SELECT TO patchbay_system USING (true);
GRANT SELECT (id, organization_id, embedded_by, embedding_until) ON doc_sources TO patchbay_system;

DO $$
BEGIN
  IF to_regclass('patchbay.doc_embeddings') IS NOT NULL THEN
    -- Those of the model before it are of no use to this one, and are made anew. (Whoever migrates is bound by forced policies.)
    ALTER TABLE patchbay.doc_embeddings NO FORCE ROW LEVEL SECURITY;
    DELETE FROM patchbay.doc_embeddings WHERE span > 0 OR embedder = 'builtin-use-lite-en';
    ALTER TABLE patchbay.doc_embeddings FORCE ROW LEVEL SECURITY;
    ALTER TABLE patchbay.doc_embeddings DROP COLUMN span;
    ALTER TABLE patchbay.doc_embeddings ADD PRIMARY KEY (chunk_id, embedder);
    DROP INDEX IF EXISTS patchbay.doc_embeddings_512;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION prepare_doc_vectors(lengths integer[]) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
  pgvector text;
  length integer;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')
    AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
    BEGIN
      CREATE EXTENSION vector SCHEMA public;
    EXCEPTION WHEN insufficient_privilege THEN
      NULL; -- an administrator must make it; until then the index has no vectors, and says so
    END;
  END IF;
  SELECT n.nspname INTO pgvector FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector';
  IF pgvector IS NULL THEN RETURN; END IF;
  IF to_regclass('patchbay.doc_embeddings') IS NULL THEN
    EXECUTE format('CREATE TABLE patchbay.doc_embeddings (
      chunk_id text NOT NULL REFERENCES patchbay.doc_chunks ON DELETE CASCADE,
      organization_id text NOT NULL REFERENCES patchbay.organizations ON DELETE CASCADE,
      connector_id text REFERENCES patchbay.connectors ON DELETE CASCADE,
      -- Which model made it: vectors of different models cannot be compared.
      embedder text NOT NULL,
      length integer NOT NULL,
      embedding %I.vector NOT NULL,
      PRIMARY KEY (chunk_id, embedder))', pgvector);
    CREATE INDEX doc_embeddings_connector ON patchbay.doc_embeddings (organization_id, connector_id, embedder);
    ALTER TABLE patchbay.doc_embeddings ENABLE ROW LEVEL SECURITY;
    ALTER TABLE patchbay.doc_embeddings FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON patchbay.doc_embeddings TO patchbay_app
      USING (organization_id = current_setting('app.organization_id', true))
      WITH CHECK (organization_id = current_setting('app.organization_id', true));
    GRANT SELECT, INSERT, UPDATE, DELETE ON patchbay.doc_embeddings TO patchbay_app;
  END IF;
  FOREACH length IN ARRAY lengths LOOP
    EXECUTE format('CREATE INDEX IF NOT EXISTS doc_embeddings_%s ON patchbay.doc_embeddings
      USING hnsw ((embedding::%I.vector(%s)) %I.vector_cosine_ops) WHERE length = %s', length, pgvector, length, pgvector, length);
  END LOOP;
END $$;
