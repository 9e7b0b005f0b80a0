-- Whose model drives a run: the server's, or that of the MCP client that stays with it (sampling).
ALTER TABLE agent_runs ADD COLUMN model text NOT NULL DEFAULT 'server' CHECK (model IN ('server', 'client'));

-- What a run asks the client's model. Whoever stays with the run, in whichever process, takes it there and brings the answer.
CREATE TABLE model_requests (
  id text PRIMARY KEY COLLATE "C",
  run_id text NOT NULL REFERENCES agent_runs ON DELETE CASCADE,
  organization_id text NOT NULL,
  customer_id text,
  request jsonb NOT NULL,
  -- {text, model} or {error}.
  answer jsonb,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A client has it until then.
  taken_until timestamptz
);
CREATE INDEX model_requests_run ON model_requests (run_id, asked_at);
ALTER TABLE model_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON model_requests TO patchbay_app
  USING (organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id))
  WITH CHECK (organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON model_requests TO patchbay_app;

CREATE TRIGGER model_requests_came AFTER INSERT ON model_requests
  FOR EACH ROW EXECUTE FUNCTION notify_change('agent_runs', 'run_id');
CREATE TRIGGER model_requests_answered AFTER UPDATE ON model_requests FOR EACH ROW
  WHEN (OLD.answer IS DISTINCT FROM NEW.answer)
  EXECUTE FUNCTION notify_change('agent_runs', 'run_id');
