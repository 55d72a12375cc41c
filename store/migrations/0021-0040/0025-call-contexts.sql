-- What the context of a model call was composed of, apart from the events up to its `throughSeq`: see contracts/session/call-context.ts.
-- Null for calls of older versions, and for those whose worker was lost.
ALTER TABLE perdure.model_calls ADD COLUMN context jsonb;
