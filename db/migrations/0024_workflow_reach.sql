-- What a workflow's code may reach; null: all that its run may. {actions: ['connector.action'], fetch, secrets, workflows}.
ALTER TABLE workflows ADD COLUMN reach jsonb;
ALTER TABLE workflow_versions ADD COLUMN reach jsonb;
