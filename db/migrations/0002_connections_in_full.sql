-- What a connector was at each import or change, whole. Customers may be pinned to one.
CREATE TABLE connector_versions (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  connector_id text NOT NULL REFERENCES connectors ON DELETE CASCADE,
  version integer NOT NULL,
  definition jsonb NOT NULL, -- as in connectors
  schemas jsonb NOT NULL,
  actions jsonb NOT NULL, -- action definitions by slug
  -- Against the version before: see ConnectorChanges of runtime/connectors/diff. Null for the first.
  changes jsonb,
  origin text NOT NULL CHECK (origin IN ('import', 'edit', 'restore')),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (connector_id, version)
);
ALTER TABLE connectors ADD COLUMN version integer NOT NULL DEFAULT 1;

CREATE TABLE connector_pins (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text NOT NULL REFERENCES customers ON DELETE CASCADE,
  connector_id text NOT NULL REFERENCES connectors ON DELETE CASCADE,
  version integer NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (connector_id, customer_id),
  FOREIGN KEY (connector_id, version) REFERENCES connector_versions (connector_id, version)
);
CREATE INDEX connector_pins_customer ON connector_pins (customer_id);

-- Client credentials of an authorization server, kept once and used by many connectors.
CREATE TABLE oauth_apps (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  slug text NOT NULL,
  name text NOT NULL,
  client_id text NOT NULL,
  client_secret text, -- sealed; null for a public client
  -- What it says otherwise than the connector's auth method: scopes, urls, parameters.
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, slug)
);

-- Which OAuth app a connector's auth method uses unless another is named.
CREATE TABLE oauth_app_connectors (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  oauth_app_id text NOT NULL REFERENCES oauth_apps ON DELETE CASCADE,
  connector_id text NOT NULL REFERENCES connectors ON DELETE CASCADE,
  auth_method text NOT NULL,
  PRIMARY KEY (connector_id, auth_method)
);
CREATE INDEX oauth_app_connectors_app ON oauth_app_connectors (oauth_app_id);

ALTER TABLE connections
  ADD COLUMN oauth_app_id text REFERENCES oauth_apps ON DELETE SET NULL,
  ADD COLUMN scopes text[],
  -- When the access token expires; null: it does not, or nobody knows.
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN refreshed_at timestamptz,
  -- Counts changes of the credentials: who got an answer of expiry knows whether they are newer by now.
  ADD COLUMN credentials_revision integer NOT NULL DEFAULT 1,
  -- Who refreshes the token, and until when others wait for that.
  ADD COLUMN refresh_lease text,
  ADD COLUMN refresh_lease_until timestamptz;
CREATE INDEX connections_oauth_app ON connections (oauth_app_id) WHERE oauth_app_id IS NOT NULL;

-- A link by which a customer connects (or reconnects) an account on the hosted page. Single use.
CREATE TABLE connect_links (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  connector_id text REFERENCES connectors ON DELETE CASCADE, -- null: the customer chooses
  auth_method text,
  -- The connection to give new credentials, when it is a reconnection.
  reconnects text REFERENCES connections ON DELETE CASCADE,
  connection_name text,
  return_url text,
  -- The page that embeds it, told by postMessage when it is done.
  opener_origin text,
  -- The product draws the page itself (/connect/api); the hosted page does not open it.
  headless boolean NOT NULL DEFAULT false,
  token_hash bytea NOT NULL UNIQUE,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'completed', 'cancelled')),
  connection_id text,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  completed_at timestamptz
);
CREATE INDEX connect_links_organization ON connect_links (organization_id, id DESC);
CREATE INDEX connect_links_customer ON connect_links (customer_id);

-- An authorization under way: from the redirect to the provider until its callback.
CREATE TABLE oauth_authorizations (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  connector_id text NOT NULL REFERENCES connectors ON DELETE CASCADE,
  auth_method text NOT NULL,
  oauth_app_id text NOT NULL REFERENCES oauth_apps ON DELETE CASCADE,
  connect_link_id text REFERENCES connect_links ON DELETE CASCADE,
  reconnects text REFERENCES connections ON DELETE CASCADE,
  connection_name text,
  base_url text,
  state_hash bytea NOT NULL UNIQUE,
  -- {codeVerifier, fields}: sealed.
  secret text NOT NULL,
  redirect_uri text NOT NULL,
  scopes text[] NOT NULL DEFAULT '{}',
  return_url text,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz
);
CREATE INDEX oauth_authorizations_organization ON oauth_authorizations (organization_id, id DESC);

-- Where the organization's product is told of what happens: signed and retried (Standard Webhooks).
CREATE TABLE webhook_endpoints (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  url text NOT NULL,
  description text NOT NULL DEFAULT '',
  secret text NOT NULL, -- sealed
  event_types text[] NOT NULL, -- empty: all
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_endpoints_organization ON webhook_endpoints (organization_id, id);

-- The outbox: written in the transaction of the change it tells of.
CREATE TABLE webhook_deliveries (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text,
  endpoint_id text NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
  type text NOT NULL, -- connection.expired and the like
  payload jsonb NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  attempt_id uuid, -- of the attempt under way
  due_at timestamptz NOT NULL DEFAULT now(),
  last_status integer,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  delivered_at timestamptz
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, due_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (created_at) WHERE status <> 'pending';
CREATE INDEX webhook_deliveries_organization ON webhook_deliveries (organization_id, id DESC);

-- Bodies too large or too binary to stand in JSON.
CREATE TABLE files (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  execution_id text COLLATE "C",
  name text NOT NULL,
  content_type text NOT NULL,
  bytes bigint NOT NULL,
  sha256 text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX files_organization ON files (organization_id, id DESC);
CREATE INDEX files_expired ON files (expires_at);

CREATE TABLE file_chunks (
  file_id text NOT NULL REFERENCES files ON DELETE CASCADE,
  organization_id text NOT NULL,
  customer_id text,
  position integer NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (file_id, position)
);

ALTER TABLE organizations
  -- {logoUrl, primaryColor, ...}: how the connect page looks.
  ADD COLUMN branding jsonb NOT NULL DEFAULT '{}';

DO $$
DECLARE
  t text;
  visible text;
BEGIN
  FOREACH t IN ARRAY ARRAY['connector_versions', 'connector_pins', 'oauth_apps', 'oauth_app_connectors', 'connect_links',
    'oauth_authorizations', 'webhook_endpoints', 'webhook_deliveries', 'files', 'file_chunks']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    visible := CASE
      WHEN EXISTS (SELECT FROM information_schema.columns c
                    WHERE c.table_schema = current_schema() AND c.table_name = t AND c.column_name = 'customer_id')
        THEN $q$organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id)$q$
      ELSE $q$organization_id = current_setting('app.organization_id', true)$q$
    END;
    EXECUTE format('CREATE POLICY tenant ON %I TO patchbay_app USING (%s) WITH CHECK (%s)', t, visible, visible);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO patchbay_app', t);
  END LOOP;

  -- What the runtime reaches before, or across, tenants: whose link or state is this, what is due, what has expired.
  FOREACH t IN ARRAY ARRAY['connect_links', 'oauth_authorizations', 'webhook_endpoints', 'webhook_deliveries', 'files', 'file_chunks'] LOOP
    EXECUTE format('CREATE POLICY runtime ON %I TO patchbay_system USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO patchbay_system', t);
  END LOOP;
  EXECUTE 'GRANT UPDATE (status, attempts, attempt_id, due_at, last_status, last_error, delivered_at) ON webhook_deliveries TO patchbay_system';
  EXECUTE 'GRANT DELETE ON files, file_chunks, oauth_authorizations, connect_links, webhook_deliveries TO patchbay_system';
END $$;
CREATE TRIGGER connector_versions_immutable BEFORE UPDATE ON connector_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Since when nothing new is sealed with this key: what it sealed is sealed anew, then it is deleted.
ALTER TABLE data_keys ADD COLUMN retired_at timestamptz;

-- What a customer's agents used of late.
CREATE INDEX traces_customer ON traces (customer_id, id DESC) WHERE customer_id IS NOT NULL;
-- Actions are found by an index in memory (runtime/search), which knows more words for a thing.
ALTER TABLE actions DROP COLUMN search;
