-- A session's state is an object of namespaces. Earlier state becomes the namespace app.

-- [batches]
UPDATE perdure.sessions s SET state = jsonb_build_object('app', state) WHERE state <> '{}' AND /* batch of s */ true;
