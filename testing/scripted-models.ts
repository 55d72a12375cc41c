import { createScriptedClient, type ScriptedOptions } from '../models/scripted/scripted.ts';
import type { ModelDirectory, ModelRequest } from '../models/model-client.ts';

/** A model directory whose calls take their replies from one script, in order. */
export interface ScriptedModels extends ModelDirectory {
  /** The requests received so far, in order. */
  readonly requests: readonly ModelRequest[];
}

/** Returns scripted models. A call after the last reply fails and is not retried. */
export function scriptedModels(replies: ScriptedOptions['replies']): ScriptedModels {
  const client = createScriptedClient({ replies });
  return {
    defaultModel: 'scripted/test',
    requests: client.requests,
    resolve: (name) => ({ client, model: name.slice(name.indexOf('/') + 1) }),
  };
}
