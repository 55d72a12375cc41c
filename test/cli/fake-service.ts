import type { StreamEvent } from '../../contracts/events/event.ts';
import { UNKNOWN_USAGE } from '../../contracts/session/run.ts';
import type { FakeAnswer, FakeGateway, FakeRequest } from '../support/gateway/fake-gateway.ts';
import { startFakeGateway } from '../support/gateway/fake-gateway.ts';
import type { EventWriter } from '../support/gateway/run-events.ts';
import { completed, deltasOf, eventWriter, received, runCompleted, started } from '../support/gateway/run-events.ts';

/** The behaviour of a fake service for a message. Default: {@link echo}. */
export type Reply = (emit: FakeGateway['emit'], writer: EventWriter, runId: string, content: string) => void;

export interface FakeService {
  readonly gateway: FakeGateway;
  readonly writer: EventWriter;
  /** The environment for commands that use it. */
  readonly env: Record<string, string>;
}

/** Starts a fake gateway with one session, `main`, whose agent replies. Sessions opened without an id are `new-1`, `new-2` and so on. */
export async function startFakeService(
  options: { reply?: Reply; refuse?: (request: FakeRequest) => FakeAnswer | undefined; port?: number } = {},
): Promise<FakeService> {
  const writer = eventWriter('main');
  const reply = options.reply ?? echo;
  let runs = 0;
  let opened = 0;
  let head = 0;
  let current: string | null = null;

  function emit(...events: readonly StreamEvent[]): void {
    for (const event of events) {
      if ('seq' in event) head = event.seq;
      if (event.type === 'run.started') current = event.runId;
      if (event.type.startsWith('run.') && event.type !== 'run.started') current = null;
    }
    gateway.emit(...events);
  }

  function submit(request: FakeRequest): FakeAnswer {
    const { id, content } = request.body as { id: string; content: string };
    const runId = `run-${(runs += 1)}`;
    emit(received(writer, runId, id, content), started(writer, runId));
    reply(emit, writer, runId, content);
    const receipt = { messageId: id, runId, disposition: 'started', position: 0 };
    if (request.headers['prefer'] === undefined) return { status: 202, body: receipt };
    return { body: { receipt, answer: `You said: ${content}`, usage: UNKNOWN_USAGE } };
  }

  const gateway = await startFakeGateway({
    ...(options.port === undefined ? {} : { port: options.port }),
    handle(request) {
      const refusal = options.refuse?.(request);
      if (refusal !== undefined) return refusal;
      const call = `${request.method} ${request.path}`;
      if (call === 'POST /v1/sessions') {
        const { id = `new-${(opened += 1)}`, agent = 'assistant' } = request.body as { id?: string; agent?: string };
        return { status: 201, body: { ...snapshot(head, current), id, agent } };
      }
      if (call === 'GET /v1/agents') return { body: { data: [{ name: 'assistant' }, { name: 'tutor' }] } };
      if (call === 'GET /v1/sessions/main/why') return { body: { text: 'The session main is active.' } };
      if (call === 'GET /v1/sessions/main') return { body: snapshot(head, current) };
      if (call === 'GET /v1/sessions') return { body: { data: [snapshot(head, current)], nextCursor: null } };
      if (request.method === 'POST' && request.path.endsWith('/messages')) return submit(request);
      if (call.endsWith('/cancel')) {
        const runId = request.path.split('/').at(-2) ?? '';
        emit(writer.durable({ type: 'run.cancelled', runId, reason: 'Stopped.', steps: 1, usage: UNKNOWN_USAGE }));
        return { body: { runId } };
      }
      return undefined;
    },
  });
  return { gateway, writer, env: { PERDURE_URL: gateway.url } };
}

export const echo: Reply = (emit, writer, runId, content) => {
  const text = `You said: ${content}`;
  const where = { runId, step: 1, attempt: 1 };
  emit(
    ...deltasOf(writer, 'message.delta', where, text, 5),
    completed(writer, where, text),
    runCompleted(writer, runId, text),
  );
};

export function snapshot(head: number, current: string | null) {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    id: 'main',
    user: 'local',
    status: 'active',
    agent: 'assistant',
    metadata: {},
    state: {},
    policy: {},
    createdAt: at,
    updatedAt: at,
    lastActiveAt: at,
    endReason: null,
    head,
    messages: 1,
    runs: 1,
    errors: 0,
    endedRuns: 0,
    errorRate: null,
    meanMs: null,
    usage: UNKNOWN_USAGE,
    costUsd: 0,
    knownCostUsd: 0,
    unpricedCalls: 0,
    queue: [],
    children: [{ workflowId: 'child-1', type: 'report', taskQueue: 'q', tool: 'write', runId: 'r', startedAt: at }],
    currentRun: current === null ? null : { id: current, status: 'running', steps: 0, startedAt: at },
    waitingFor: { what: 'message', since: at, who: 'you', until: null },
  };
}
