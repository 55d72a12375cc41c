-- A session's state is an object of namespaces. What was kept before there were any is the application's.
UPDATE perdure.sessions SET state = jsonb_build_object('app', state) WHERE state <> '{}';
