import type { AgentSpec } from '../../contracts/agent.ts';
import type { BudgetReport, UserLimits } from '../../contracts/budget.ts';
import type { UsageReport } from '../../contracts/usage.ts';
import type { CancelledRun, EndSession, OpenSession, UpdateSession } from '../../contracts/session/commands.ts';
import type { PerdureEvent, StreamEvent } from '../../contracts/session/event.ts';
import type { SessionExport } from '../../contracts/session/session-export.ts';
import type { Sweep, SweepPage } from '../../contracts/maintenance.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import type { ProviderStatus } from '../../contracts/provider.ts';
import type { RunDetail, RunRecord, Usage } from '../../contracts/session/run.ts';
import type { SessionRecord, SessionSnapshot } from '../../contracts/session/session.ts';
import type { StatsPage } from '../../contracts/stats.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { RunWhy, SessionWhy } from '../../contracts/why.ts';
import { streamEvents } from './event-stream.ts';
import type { StreamOptions } from './event-stream.ts';
import { createSendRequest } from './http-request.ts';
import type { GatewayOptions, HttpRequest, SendRequest } from './http-request.ts';
import type { CleanOrder, SessionFilter, StatsQuery, SweepQuery, UsageQuery } from './queries.ts';

/** A page of a list; `nextCursor` is null on the last one. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** Whether a gateway can do its work. */
export interface Readiness {
  readonly status: 'ready' | 'unavailable';
  /** True for each part that answers. */
  readonly checks: Readonly<Record<string, boolean>>;
}

/** What waiting for an answer came to. */
export interface Answered {
  readonly receipt: Receipt;
  /** The final text; absent when the time was over first. Null when the run did not complete. */
  readonly answer?: string | null;
  readonly usage?: Usage | null;
  /** The run as it ended, where the gateway sends it. */
  readonly run?: RunRecord | null;
}

/**
 * The gateway's HTTP interface, typed. Every method rejects with a PerdureError for what the gateway
 * refuses, and with a {@link import('./problem.ts').GatewayUnreachableError} when none answers.
 */
export interface GatewayClient {
  open(id: string | undefined, input: OpenSession): Promise<SessionSnapshot>;
  /** The user's sessions; for operators, also those of others. */
  sessions(filter?: SessionFilter): Promise<Page<SessionRecord>>;
  snapshot(id: string): Promise<SessionSnapshot>;
  update(id: string, input: UpdateSession): Promise<SessionSnapshot>;
  end(id: string, input: EndSession): Promise<void>;
  remove(id: string, options?: { archive?: boolean }): Promise<void>;
  /** The session as one document. */
  exportSession(id: string): Promise<SessionExport>;
  /** Makes an exported session the user's, under its id or another. */
  importSession(document: SessionExport, options?: { id?: string | undefined }): Promise<SessionSnapshot>;
  /** Begins a clean-up of the user's sessions; for operators, of others' too. */
  clean(order: CleanOrder): Promise<{ readonly sweepId: string }>;
  /** Clean-ups, newest first. */
  sweeps(query?: SweepQuery): Promise<SweepPage>;
  /** The report of a clean-up, so far, with a page of what it did. */
  sweep(sweepId: string, page?: { limit?: number | undefined; cursor?: string | undefined }): Promise<Sweep>;
  send(id: string, input: MessageInput): Promise<Receipt>;
  /** Waits up to `waitSeconds` for the answer. */
  sendAndWait(id: string, input: MessageInput, waitSeconds: number): Promise<Answered>;
  /** The session's events, each once; reconnects by itself. */
  stream(id: string, options?: StreamOptions): AsyncGenerator<StreamEvent>;
  events(id: string, page?: { after?: number; limit?: number }): Promise<{ events: PerdureEvent[]; next: number }>;
  transcript(id: string): Promise<Page<TranscriptEntry>>;
  runs(id: string): Promise<Page<RunRecord>>;
  run(id: string, runId: string): Promise<RunDetail>;
  /** What the session waits for. */
  whySession(id: string): Promise<SessionWhy>;
  /** Where a run's time and money went. Without a session, `id` is undefined: the run is looked for in all of the user's. */
  whyRun(id: string | undefined, runId: string): Promise<RunWhy>;
  cancel(id: string, runId: string): Promise<CancelledRun>;
  resume(id: string, runId: string): Promise<void>;
  /** How the user's runs went; for operators, also those of others. */
  stats(query?: StatsQuery): Promise<StatsPage>;
  agents(): Promise<Page<AgentSpec>>;
  /** The providers of models, as all workers see them. */
  providers(): Promise<Page<ProviderStatus>>;
  /** A run without a session. */
  startRun(input: MessageInput): Promise<Receipt>;
  startRunAndWait(input: MessageInput, waitSeconds: number): Promise<Answered>;
  oneOffRun(runId: string): Promise<RunDetail>;
  streamRun(runId: string, options?: StreamOptions): AsyncGenerator<StreamEvent>;
  cancelOneOff(runId: string): Promise<CancelledRun>;
  /** What model calls used. */
  usage(query?: UsageQuery): Promise<UsageReport>;
  /** Limits and what has gone of them; for operators, of another user. */
  budget(user?: string): Promise<BudgetReport>;
  /** For operators: replaces the limits of a user, by default one's own. */
  setBudget(limits: UserLimits, user?: string): Promise<BudgetReport>;
  /** Whether the gateway can reach all it needs, part by part. */
  ready(): Promise<Readiness>;
}

export function createGatewayClient(options: GatewayOptions = {}): GatewayClient {
  const send = createSendRequest(options);
  const json = async <T>(request: HttpRequest): Promise<T> => (await (await send(request)).json()) as T;
  const done = async (request: HttpRequest): Promise<void> => {
    await (await send(request)).body?.cancel();
  };

  return {
    open: (id, input) => json(post(['v1', 'sessions'], { ...(id === undefined ? {} : { id }), ...input })),
    sessions: (filter = {}) => json({ path: ['v1', 'sessions'], query: filterQuery(filter) }),
    snapshot: (id) => json({ path: session(id) }),
    update: (id, body) => json({ method: 'PATCH', path: session(id), body }),
    end: (id, input) => done(post(session(id, 'end'), input)),
    remove: (id, query = {}) => done({ method: 'DELETE', path: session(id), query }),
    exportSession: (id) => json({ path: session(id, 'export') }),
    importSession: (body, query = {}) => json({ ...post(['v1', 'sessions', 'import'], body), query }),
    clean: (body) => json(post(['v1', 'maintenance', 'clean'], body)),
    sweeps: (query = {}) => json({ path: ['v1', 'maintenance', 'sweeps'], query: { ...query } }),
    sweep: (sweepId, query = {}) => json({ path: ['v1', 'maintenance', 'sweeps', sweepId], query }),
    send: (id, input) => json(post(session(id, 'messages'), input)),
    sendAndWait: async (id, input, seconds) => answeredOf(await json(waiting(session(id, 'messages'), input, seconds))),
    stream: (id, streaming) => streamEvents(connectTo(send, session(id, 'events')), streaming),
    events: (id, query = {}) => json({ path: session(id, 'events'), query, headers: { accept: 'application/json' } }),
    transcript: (id) => json({ path: session(id, 'transcript') }),
    runs: (id) => json({ path: session(id, 'runs') }),
    run: (id, runId) => json({ path: session(id, 'runs', runId) }),
    whySession: (id) => json({ path: session(id, 'why') }),
    whyRun: (id, runId) => json({ path: id === undefined ? run(runId, 'why') : session(id, 'runs', runId, 'why') }),
    cancel: (id, runId) => json(post(session(id, 'runs', runId, 'cancel'), {})),
    resume: (id, runId) => done(post(session(id, 'runs', runId, 'resume'), {})),
    stats: (query = {}) => json({ path: ['v1', 'stats'], query: { ...query } }),
    agents: () => json({ path: ['v1', 'agents'] }),
    providers: () => json({ path: ['v1', 'providers'] }),
    startRun: (input) => json(post(['v1', 'runs'], input)),
    startRunAndWait: async (input, seconds) => answeredOf(await json(waiting(['v1', 'runs'], input, seconds))),
    oneOffRun: (runId) => json({ path: run(runId) }),
    streamRun: (runId, streaming) => streamEvents(connectTo(send, run(runId, 'events')), streaming),
    cancelOneOff: (runId) => json(post(run(runId, 'cancel'), {})),
    usage: (query = {}) => json({ path: ['v1', 'usage'], query: { ...query } }),
    budget: (user) => json({ path: ['v1', 'budget'], query: { user } }),
    setBudget: (limits, user) =>
      json({ method: 'PUT', path: ['v1', 'budget'], body: { ...limits, ...(user === undefined ? {} : { user }) } }),
    ready: () => json({ path: ['readyz'], alsoFine: 503 }),
  };
}

const session = (id: string, ...rest: string[]): string[] => ['v1', 'sessions', id, ...rest];
const run = (id: string, ...rest: string[]): string[] => ['v1', 'runs', id, ...rest];
const post = (path: readonly string[], body: object): HttpRequest => ({ method: 'POST', path, body });
const waiting = (path: readonly string[], body: object, seconds: number): HttpRequest => ({
  ...post(path, body),
  headers: { prefer: `wait=${seconds}` },
});

/** The first connection says `after`, later ones what was read, so that a proxy's log tells them apart. */
function connectTo(send: SendRequest, path: readonly string[]) {
  return (lastSeq: number, again: boolean, signal: AbortSignal): Promise<Response> =>
    send({
      path,
      signal,
      query: again ? {} : { after: lastSeq },
      headers: { accept: 'text/event-stream', ...(again ? { 'last-event-id': String(lastSeq) } : {}) },
    });
}

function filterQuery({ metadata = {}, ...rest }: SessionFilter): NonNullable<HttpRequest['query']> {
  const byMetadata = Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, value] as const);
  return { ...rest, ...Object.fromEntries(byMetadata) };
}

/** When the time was over the gateway sends the bare receipt. */
function answeredOf(body: Answered | Receipt): Answered {
  return 'receipt' in body ? body : { receipt: body };
}
