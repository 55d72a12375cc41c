import type { ModelClient, ModelDirectory } from '../../models/model-client.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { measureCall } from './measure-call.ts';

/** The directory, with every model call of its clients measured. */
export function measuredModels(models: ModelDirectory, telemetry: Telemetry): ModelDirectory {
  const measured = (client: ModelClient): ModelClient => ({
    provider: client.provider,
    keepsConversations: client.keepsConversations ?? false,
    generate: (request, options) => measureCall(telemetry, client, request, options),
    ...(client.deleteKept ? { deleteKept: client.deleteKept.bind(client) } : {}),
  });
  return {
    defaultModel: models.defaultModel,
    resolve(name) {
      const { client, model } = models.resolve(name);
      return { client: measured(client), model };
    },
  };
}
