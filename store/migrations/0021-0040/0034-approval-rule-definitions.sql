-- The definition of an MCP server's tool for which an approval is remembered, by its hash. Null: a tool without one.
ALTER TABLE perdure.approval_rules ADD COLUMN definition text;
