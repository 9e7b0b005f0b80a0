-- What is known of APIs from their documentation: sources (an address, a text, a connector's own definition) and the
-- passages they were cut into.
CREATE TABLE doc_sources (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  -- The connector it documents; null: of none in particular.
  connector_id text REFERENCES connectors ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('text', 'url', 'connector')),
  -- What is indexed again under the same name replaces what was: the address, or the title of a text.
  name text NOT NULL,
  title text NOT NULL,
  url text,
  pages integer NOT NULL DEFAULT 0,
  indexed_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (organization_id, connector_id, kind, name)
);
CREATE INDEX doc_sources_connector ON doc_sources (connector_id);

CREATE TABLE doc_chunks (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  source_id text NOT NULL REFERENCES doc_sources ON DELETE CASCADE,
  connector_id text REFERENCES connectors ON DELETE CASCADE,
  -- Of breadcrumb and content: what is unchanged keeps its row and embedding.
  hash bytea NOT NULL,
  -- Which of the source's pages it is of: what its page says counts for a passage too.
  page integer NOT NULL,
  position integer NOT NULL,
  url text,
  breadcrumb text[] NOT NULL,
  content text NOT NULL,
  search tsvector NOT NULL,
  words integer GENERATED ALWAYS AS (length(search)) STORED,
  UNIQUE (source_id, hash)
);
CREATE INDEX doc_chunks_search ON doc_chunks USING gin (search);
CREATE INDEX doc_chunks_connector ON doc_chunks (organization_id, connector_id);

DO $$
DECLARE
  t text;
  owned text := $q$organization_id = current_setting('app.organization_id', true)$q$;
BEGIN
  FOREACH t IN ARRAY ARRAY['doc_sources', 'doc_chunks'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I TO patchbay_app USING (%s) WITH CHECK (%s)', t, owned, owned);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO patchbay_app', t);
  END LOOP;
END $$;

-- Embeddings need pgvector, which a server may lack, or get later: called at each start, by the owner. Each length
-- of vector that is known has an index of its own.
CREATE FUNCTION prepare_doc_vectors(lengths integer[]) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
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
      -- A chunk may have several: of groups of its sentences.
      span smallint NOT NULL,
      length integer NOT NULL,
      embedding %I.vector NOT NULL,
      PRIMARY KEY (chunk_id, embedder, span))', pgvector);
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
