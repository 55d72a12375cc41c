-- A session's state is an object of namespaces. Earlier state becomes the namespace app.
UPDATE perdure.sessions SET state = jsonb_build_object('app', state) WHERE state <> '{}';
