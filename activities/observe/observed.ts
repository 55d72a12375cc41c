import type { AgentRegistry } from '../../agents/agent-registry.ts';
import { activityInfo } from '@temporalio/activity';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { ModelClient, ModelDirectory } from '../../models/model-client.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { observedCall } from './observed-call.ts';

/** The channel, with what is told as committed counted and logged on its way. */
export function observedLive(live: LiveChannel, telemetry: Telemetry, agents: AgentRegistry): LiveChannel {
  const isTool = (name: string) => agents.tool(name) !== undefined;
  return {
    subscribe: (key, listener) => live.subscribe(key, listener),
    ready: () => live.ready(),
    close: () => live.close(),
    publish(key, message) {
      if (message.kind === 'appended' && message.events) {
        telemetry.events.count(key, message.events, isTool);
        for (const event of message.events) logEvent(telemetry, key, event, isTool);
      }
      live.publish(key, message);
    },
  };
}

function logEvent(
  { log, events }: Telemetry,
  key: SessionKey,
  event: PerdureEvent,
  isTool: (name: string) => boolean,
): void {
  const { attempt } = activityInfo();
  const common = { session: key.session, agent: events.agentOf(key), attempt };
  switch (event.type) {
    case 'run.completed':
      return log.info('Run completed', { ...common, run: event.runId });
    case 'run.failed':
      return log.warn('Run failed', { ...common, run: event.runId, code: event.error.code });
    case 'run.cancelled':
      return log.info('Run cancelled', { ...common, run: event.runId, code: event.reason });
    case 'tool.failed':
    case 'tool.unknown': {
      const tool = isTool(event.tool) ? event.tool : 'unknown';
      const { runId: run, step } = event;
      return log.info('Tool call failed', { ...common, run, step, tool, outcome: event.type.slice('tool.'.length) });
    }
    case 'message.refused':
      return log.info('Message refused', { ...common, code: event.code });
    case 'budget.warned':
      return log.warn('Budget reached its mark', {
        ...common,
        run: event.runId,
        code: `${event.scope}_${event.unit}`,
        outcome: event.kind,
      });
    case 'session.recovered':
      return log.info('Session recovered', { ...common, code: event.reason });
    default:
      return undefined;
  }
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
