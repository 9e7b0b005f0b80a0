-- Tells every process what it may remember no longer, when the change is committed. The payload names the kind, the
-- organization, the customer or row it is about ('' for none), and who changed it (the process, by application_name).
CREATE FUNCTION notify_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
BEGIN
  PERFORM pg_notify('patchbay_changes', concat_ws(' ', TG_ARGV[0], changed->>'organization_id',
    coalesce(nullif(changed->>TG_ARGV[1], ''), '-'), coalesce(nullif(current_setting('application_name', true), ''), '-')));
  RETURN NULL;
END $$;

CREATE TRIGGER triggers_changed AFTER INSERT OR UPDATE OR DELETE ON triggers
  FOR EACH ROW EXECUTE FUNCTION notify_change('triggers', '');
CREATE TRIGGER routes_changed AFTER INSERT OR UPDATE OR DELETE ON routes
  FOR EACH ROW EXECUTE FUNCTION notify_change('triggers', '');
CREATE TRIGGER deployments_changed AFTER INSERT OR UPDATE OR DELETE ON deployments
  FOR EACH ROW EXECUTE FUNCTION notify_change('triggers', '');
CREATE TRIGGER workflows_changed AFTER UPDATE OF status ON workflows
  FOR EACH ROW EXECUTE FUNCTION notify_change('triggers', '');
CREATE TRIGGER customers_changed AFTER UPDATE OF status ON customers
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION notify_change('triggers', '');
-- Of a connection, what calls remember; not when it was last used.
CREATE TRIGGER connections_came_or_went AFTER INSERT OR DELETE ON connections
  FOR EACH ROW EXECUTE FUNCTION notify_change('connections', 'customer_id');
CREATE TRIGGER connections_changed AFTER UPDATE ON connections FOR EACH ROW
  WHEN ((OLD.status, OLD.credentials, OLD.base_url, OLD.name, OLD.is_default)
    IS DISTINCT FROM (NEW.status, NEW.credentials, NEW.base_url, NEW.name, NEW.is_default))
  EXECUTE FUNCTION notify_change('connections', 'customer_id');
CREATE TRIGGER connectors_changed AFTER INSERT OR UPDATE OR DELETE ON connectors
  FOR EACH ROW EXECUTE FUNCTION notify_change('connections', '');
CREATE TRIGGER api_keys_changed AFTER UPDATE ON api_keys FOR EACH ROW
  WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION notify_change('api_keys', 'id');
