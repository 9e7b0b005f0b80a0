-- What an organization's agents may use of models in a calendar month (UTC); null: no bound.
ALTER TABLE organizations ADD COLUMN model_tokens_per_month bigint;
ALTER TABLE organizations ADD COLUMN model_usd_per_month double precision;
