-- What a run recorded goes into prompts again when a node is run again: letter for letter, with the members of objects in
-- the order they had, or a model that was paid for its answer is asked once more. jsonb puts them in an order of its own.
ALTER TABLE agent_run_records ALTER COLUMN value TYPE json USING value::json;
