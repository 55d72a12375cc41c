import type { PerdureEvent } from '../contracts/events/event.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { Telemetry } from './telemetry.ts';

/** Counts and logs committed events. The process that committed them records them, once. */
export interface CommitObserver {
  record(key: SessionKey, events: readonly PerdureEvent[]): void;
  /** Sets the agent that a session's events are counted under. Few events name it. */
  setAgent(key: SessionKey, agent: string): void;
}

export interface CommitContext {
  /** Whether a tool has this name. Other names come from a model: they are content, and are shown as `unknown`. */
  readonly isTool: (name: string) => boolean;
  /** The attempt of the running activity, for log lines. Default: none. */
  readonly attempt?: () => number;
}

/** Records into a process's metrics and log. */
export function createCommitObserver(telemetry: Telemetry, context: CommitContext): CommitObserver {
  return {
    record(key, events) {
      telemetry.events.count(key, events, context.isTool);
      for (const event of events) logEvent(telemetry, context, key, event);
    },
    setAgent: (key, agent) => telemetry.events.setAgent(key, agent),
  };
}

function logEvent(
  { log, events }: Telemetry,
  { isTool, attempt }: CommitContext,
  key: SessionKey,
  event: PerdureEvent,
): void {
  const common = { session: key.session, agent: events.agentOf(key), attempt: attempt?.() };
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
      return log.warn('Budget warning', {
        ...common,
        run: event.runId,
        code: `${event.scope}_${event.unit}`,
        outcome: event.kind,
      });
    case 'context.rebuilt': {
      const { runId: run, step, model, reason: code } = event;
      return log.info('Context rebuilt', { ...common, run, step, model, code });
    }
    case 'session.recovered':
      return log.info('Session recovered', { ...common, code: event.reason });
    case 'context.summarized':
      return log.info('Older messages summarised', { ...common, model: event.model });
    case 'session.opened':
    case 'session.updated':
    case 'session.ended':
    case 'session.failed':
    case 'session.expired':
    case 'session.archived':
    case 'message.received':
    case 'input.decided':
    case 'run.started':
    case 'reasoning.completed':
    case 'message.completed':
    case 'tool.called':
    case 'tool.completed':
    case 'tool.cancelled':
    case 'approval.requested':
    case 'approval.reminded':
    case 'approval.decided':
    case 'approval.expired':
    case 'approval.withdrawn':
    case 'client_call.requested':
    case 'client_call.reminded':
    case 'client_call.answered':
    case 'client_call.expired':
    case 'client_call.withdrawn':
    case 'budget.released':
      return undefined;
    default:
      event satisfies never;
      return undefined;
  }
}
