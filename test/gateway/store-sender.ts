import type { TemporalSender } from '../../client/temporal/temporal-sender.ts';
import type { WorkflowExecution } from '../../client/temporal/temporal-state.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { WakeReference } from '../../contracts/session/wake-reference.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import { beginStep } from '../../store/steps/begin-step.ts';
import { commitStep } from '../../store/steps/commit-step.ts';
import type { Db } from '../../store/db/db.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { commitSessionEnd } from '../../store/sessions/commit-session-end.ts';
import { getOrCreateSession } from '../../store/sessions/get-or-create-session.ts';
import { readHead } from '../../store/read/read-head.ts';
import { requeueRun } from '../../store/sessions/requeue-run.ts';
import { patchSession } from '../../store/sessions/patch-session.ts';

/** A sender without Temporal that makes the workflow's changes in the store directly. */
export interface StoreSender extends TemporalSender {
  /** Completes a run as a worker would: streams the text in two deltas, then commits it. */
  answer(key: SessionKey, runId: string | null, text: string): Promise<void>;
  /** While true, no worker polls. */
  noWorker: boolean;
  /** Called with the run of each signal that the gateway sends for an admitted message. Throws while Temporal is away. */
  onWake: ((key: SessionKey, run: { readonly runId: string }) => void) | undefined;
  /** The signals for admitted messages, in order. */
  readonly wakes: { readonly key: SessionKey; readonly kind: 'session' | 'run'; readonly reference: WakeReference }[];
  /** Ids of messages that are in Temporal and that no worker has processed, by session. */
  readonly accepted: Map<string, readonly string[]>;
  readonly terminated: SessionKey[];
  /** Sessions whose workflow was told to check its expiry. */
  readonly expiryChecks: SessionKey[];
  /** Temporal's executions of other workflows, by id; null while it does not respond. */
  temporal: Map<string, WorkflowExecution> | null;
}

export function createStoreSender(db: Db, live: LiveChannel): StoreSender {
  const publish = (key: SessionKey, events: readonly PerdureEvent[]): void => {
    const head = events.at(-1)?.seq;
    if (head !== undefined) live.publish(key, { kind: 'appended', head, events });
  };

  async function cancelAt(key: SessionKey, runId: string | undefined): Promise<{ runId: string | null }> {
    if (runId === undefined) return { runId: null };
    const end = { status: 'cancelled', reason: 'cancelled' } as const;
    const { events } = await commitRunEnd(db, key, { runId, end, partial: null, failSession: false });
    publish(key, events);
    return { runId };
  }

  const sender: StoreSender = {
    noWorker: false,
    onWake: undefined,
    wakes: [],
    accepted: new Map(),
    terminated: [],
    expiryChecks: [],
    temporal: new Map(),
    async open(key, input) {
      const { agent = 'assistant', metadata, policy } = input;
      const opened = await getOrCreateSession(db, key, {
        agent,
        metadata: metadata,
        policy,
        kind: 'session',
        execution: null,
      });
      publish(key, opened.events);
      return { created: opened.created };
    },
    submit: () => Promise.reject(new Error('A gateway admits messages itself.')),
    submitRun: () => Promise.reject(new Error('A gateway admits messages itself.')),
    signal: () => Promise.reject(new Error('A gateway admits messages itself.')),
    async wake(key, kind, reference) {
      if (sender.temporal === null) throw new PerdureError('temporal_unavailable', 'Temporal is away.');
      sender.wakes.push({ key, kind, reference });
      if (reference.run) sender.onWake?.(key, reference.run);
    },
    answerApproval: () => Promise.reject(new Error('A gateway commits answers itself.')),
    answerClientCall: () => Promise.reject(new Error('A gateway commits answers itself.')),
    update: async (key, input) => publish(key, (await patchSession(db, key, input)).events),
    cancel: async (key, { runId }) => cancelAt(key, runId),
    cancelRun: async (key, { runId }) => cancelAt(key, runId),
    resume: async (key, { runId }) => publish(key, (await requeueRun(db, key, { runId, execution: null })).events),
    async end(key, { status = 'completed', reason }) {
      publish(key, (await commitSessionEnd(db, key, { status, reason: reason ?? null })).events);
    },
    async checkExpiry(key) {
      sender.expiryChecks.push(key);
    },
    async terminate(key) {
      sender.terminated.push(key);
    },
    failingTask: async () => null,
    workflowsReady: async () => true,
    taskQueue: 'perdure',
    pollers: async () => (sender.noWorker ? [] : ['an older worker']),
    async pending(key) {
      if (sender.temporal === null) throw new PerdureError('temporal_unavailable', 'Temporal is away.');
      const ids = sender.accepted.get(key.session) ?? [];
      return {
        waiting: ids.length,
        since: ids.length === 0 ? null : '2026-01-01T00:00:00.000Z',
        received: new Map(ids.map((id) => [id, 'waiting' as const])),
      };
    },
    executions: async (workflowIds) => {
      const { temporal } = sender;
      if (temporal === null) throw new PerdureError('temporal_unavailable', 'Temporal is away.');
      return workflowIds.map(
        (workflowId) => temporal.get(workflowId) ?? { workflowId, status: 'absent', startedAt: null },
      );
    },
    deleteExecutions: async () => {},
    clean: async () => 'sweep-1',
    erase: async () => {},
    startBatch: async () => {},
    ready: async () => true,
    async answer(key, runId, text) {
      if (runId === null) throw new Error('Nobody took the message yet.');
      const begun = await beginStep(db, key, { runId, pin: () => ({ hash: 'v1', model: 'test/one' }) });
      if (begun.kind !== 'model') throw new Error(`The run is at ${begun.kind}.`);
      publish(key, begun.events);
      const { step, attempt, throughSeq } = begun;
      const half = Math.ceil(text.length / 2);
      for (const offset of [0, half]) {
        const delta = text.slice(offset, offset === 0 ? half : undefined);
        const at = '2026-01-01T00:00:00.000Z';
        const position = { at, sessionId: key.session, runId, step, attempt, offset };
        live.publish(key, { kind: 'live', event: { type: 'message.delta', ...position, delta } });
      }
      const usage = { inputTokens: 3, outputTokens: 2, cachedTokens: null, reasoningTokens: null };
      const committed = await commitStep(db, key, {
        runId,
        step,
        attempt,
        reply: { text, reasoning: '', finish: 'stop', usage, model: 'one' },
        toolCalls: [],
        throughSeq,
        firstTokenMs: 1,
        durationMs: 2,
        completes: true,
      });
      if ((await readHead(db, key)) !== null) publish(key, committed.events);
    },
  };
  return sender;
}
