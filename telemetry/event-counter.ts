import { LRUCache } from 'lru-cache';
import { version, parse } from 'uuid';
import type { PerdureEvent } from '../contracts/events/event.ts';
import type { Usage } from '../contracts/session/run.ts';
import { workflowIdOf, type SessionKey } from '../contracts/session/session-key.ts';
import type { Metrics } from './metrics.ts';

/** The number of sessions and of runs that a process remembers. */
const CACHED = 20_000;
/** The label of an agent or tool that is not known. */
const UNKNOWN = 'unknown';

/**
 * Derives metrics from committed events. The process that committed an event counts it, once. Facts that an event lacks (its
 * agent, when its run was admitted) come from earlier events of the session, or from the run's id.
 */
export class EventCounter {
  readonly #metrics: Metrics;
  readonly #agents = new LRUCache<string, string>({ max: CACHED });
  /** Epoch ms, by run id. */
  readonly #admitted = new LRUCache<string, number>({ max: CACHED });
  /** Runs that were resumed, or have waited for an answer. */
  readonly #continued = new LRUCache<string, true>({ max: CACHED });

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Sets the agent that the events of a session are counted under. */
  setAgent(key: SessionKey, agent: string): void {
    this.#agents.set(workflowIdOf(key), agent);
  }

  agentOf(key: SessionKey): string {
    return this.#agents.get(workflowIdOf(key)) ?? UNKNOWN;
  }

  /** Counts a message whose admission appended no event: a duplicate, or a refusal with its error code as outcome. */
  countMessage(key: SessionKey, outcome: string): void {
    this.#metrics.messages.add({ agent: this.agentOf(key), outcome });
    if (outcome === 'duplicate') return;
    this.#metrics.errors.add({ agent: this.agentOf(key), source: 'message', type: outcome });
  }

  /** `isTool`: whether a tool has this name. Other names come from a model: they are content, and are counted as `unknown`. */
  count(key: SessionKey, events: readonly PerdureEvent[], isTool: (name: string) => boolean): void {
    for (const event of events) this.#count(key, event, isTool);
  }

  #count(key: SessionKey, event: PerdureEvent, isTool: (name: string) => boolean): void {
    const metrics = this.#metrics;
    if ('agent' in event) this.setAgent(key, event.agent);
    const agent = this.agentOf(key);
    switch (event.type) {
      case 'message.received':
        metrics.messages.add({ agent, outcome: event.disposition });
        if (event.disposition !== 'steered') this.#admitted.set(event.runId, Date.parse(event.at));
        return;
      case 'run.started': {
        // The time until somebody has answered or resumed it is neither a wait in the queue nor time to respond.
        if (event.continued === true) {
          this.#continued.set(event.runId, true);
          return;
        }
        const admittedAt = this.#admittedAt(event.runId);
        if (admittedAt === undefined) this.#admitted.set(event.runId, Date.parse(event.at));
        else metrics.queueSeconds.record({ agent }, secondsFrom(admittedAt, event.at));
        return;
      }
      case 'message.completed':
        if (event.usage) this.#countTokens(agent, event.usage);
        return;
      case 'budget.warned':
        metrics.budgetWarnings.add({ scope: event.scope, unit: event.unit, kind: event.kind });
        return;
      case 'tool.completed':
      case 'tool.failed':
      case 'tool.unknown':
      case 'tool.cancelled':
        this.#countTool(agent, isTool(event.tool) ? event.tool : UNKNOWN, event.type.slice('tool.'.length));
        return;
      case 'approval.decided':
        metrics.inboxAnswers.add({
          kind: 'approval',
          outcome: event.decision === 'approve' ? 'approved' : 'rejected',
        });
        return;
      case 'approval.expired':
      case 'approval.withdrawn':
        metrics.inboxAnswers.add({ kind: 'approval', outcome: event.type.slice('approval.'.length) });
        return;
      case 'client_call.answered':
      case 'client_call.expired':
      case 'client_call.withdrawn':
        metrics.inboxAnswers.add({ kind: 'client', outcome: event.type.slice('client_call.'.length) });
        return;
      case 'run.completed':
      case 'run.failed':
      case 'run.cancelled':
        this.#countRun(agent, event);
        return;
      case 'session.opened':
      case 'session.recovered':
      case 'session.updated':
      case 'session.ended':
      case 'session.failed':
      case 'session.expired':
      case 'session.archived':
      // Counted by `countMessage`, as are refusals without an event.
      case 'message.refused':
      case 'input.decided':
      case 'reasoning.completed':
      case 'context.rebuilt':
      case 'tool.called':
      case 'approval.requested':
      case 'approval.reminded':
      case 'client_call.requested':
      case 'client_call.reminded':
      case 'budget.released':
      // Its call is counted by the worker that made it, as are those that fail.
      case 'context.summarized':
        return;
      default:
        event satisfies never;
    }
  }

  #countTokens(agent: string, usage: Usage): void {
    const counts = {
      input: usage.inputTokens,
      output: usage.outputTokens,
      cached: usage.cachedTokens,
      reasoning: usage.reasoningTokens,
    };
    for (const [type, count] of Object.entries(counts)) {
      if (count !== null) this.#metrics.tokens.add({ agent, type }, count);
    }
  }

  #countTool(agent: string, tool: string, outcome: string): void {
    this.#metrics.toolCalls.add({ tool, outcome });
    if (outcome === 'failed' || outcome === 'unknown')
      this.#metrics.errors.add({ agent, source: 'tool', type: outcome });
  }

  #countRun(
    agent: string,
    event: Extract<PerdureEvent, { type: 'run.completed' | 'run.failed' | 'run.cancelled' }>,
  ): void {
    const outcome = event.type.slice('run.'.length);
    this.#metrics.runs.add({ agent, outcome });
    if (event.type === 'run.failed') this.#metrics.errors.add({ agent, source: 'run', type: event.error.code });
    const admittedAt = this.#admittedAt(event.runId);
    this.#admitted.delete(event.runId);
    if (admittedAt !== undefined && !this.#continued.delete(event.runId))
      this.#metrics.runSeconds.record({ agent, outcome }, secondsFrom(admittedAt, event.at));
  }

  /** Run ids are UUIDs of version 7, which contain the time. One-off runs have ids of their callers; their admission is known from its event. */
  #admittedAt(runId: string): number | undefined {
    return this.#admitted.get(runId) ?? timeIn(runId);
  }
}

function timeIn(runId: string): number | undefined {
  try {
    if (version(runId) !== 7) return undefined;
    return Buffer.from(parse(runId)).readUIntBE(0, 6);
  } catch {
    return undefined;
  }
}

function secondsFrom(fromMs: number, to: string): number {
  return Math.max(0, Date.parse(to) - fromMs) / 1_000;
}
