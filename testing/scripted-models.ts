import { createScriptedClient, type ScriptedOptions } from '../models/scripted/scripted.ts';
import type { ModelDirectory, ModelRequest } from '../models/model-client.ts';

/** Models whose every call takes the next reply of one script. */
export interface ScriptedModels extends ModelDirectory {
  /** Every request so far, in order. */
  readonly requests: readonly ModelRequest[];
}

/** Scripted models. A call for which no reply is left fails, and is not tried again. */
export function scriptedModels(replies: ScriptedOptions['replies']): ScriptedModels {
  const client = createScriptedClient({ replies });
  return {
    defaultModel: 'scripted/test',
    requests: client.requests,
    resolve: (name) => ({ client, model: name.slice(name.indexOf('/') + 1) }),
  };
}
