-- Where a connector's newest import by address was read from, to look there again: {url, baseUrl?, include?}.
ALTER TABLE connectors ADD COLUMN imported_from jsonb;
