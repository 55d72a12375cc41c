import type { AgentRegistry } from '../agents/agent-registry.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import type { ModelClient, ModelDirectory } from '../models/model-client.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { observedCall } from './observed-call.ts';

/** The channel, with what is told as committed counted on its way. */
export function observedLive(live: LiveChannel, { events }: Telemetry, agents: AgentRegistry): LiveChannel {
  const isTool = (name: string) => agents.tool(name) !== undefined;
  return {
    subscribe: (key, listener) => live.subscribe(key, listener),
    ready: () => live.ready(),
    close: () => live.close(),
    publish(key, message) {
      if (message.kind === 'appended' && message.events) events.count(key, message.events, isTool);
      live.publish(key, message);
    },
  };
}

/** The models, with each call measured. */
export function observedModels(models: ModelDirectory, telemetry: Telemetry): ModelDirectory {
  const observe = (client: ModelClient): ModelClient => ({
    provider: client.provider,
    generate: (request, options) => observedCall(telemetry, client, request, options),
  });
  return {
    defaultModel: models.defaultModel,
    resolve(name) {
      const { client, model } = models.resolve(name);
      return { client: observe(client), model };
    },
  };
}
