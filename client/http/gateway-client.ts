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
import { createHttpClient } from './http-client.ts';
import type { GatewayClientOptions, HttpClient, HttpRequest } from './http-client.ts';
import type { CleanOrder, SessionQuery, StatsQuery, SweepQuery, UsageQuery } from './queries.ts';

/** A page of a list; `nextCursor` is null on the last one. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** Whether a gateway can serve requests. */
export interface GatewayReadiness {
  readonly status: 'ready' | 'unavailable';
  /** True for each dependency that responds. */
  readonly checks: Readonly<Record<string, boolean>>;
}

/** The result of sending a message and waiting for its answer. */
export interface SendResult {
  readonly receipt: Receipt;
  /** The final text. Absent when the wait timed out first; null when the run did not complete. */
  readonly answer?: string | null;
  readonly usage?: Usage | null;
  /** The run after its end; absent when the wait timed out first. */
  readonly run?: RunRecord | null;
}

/**
 * The gateway's HTTP interface, typed. Every method rejects with a PerdureError for a problem response, and with a
 * {@link import('./gateway-unreachable-error.ts').GatewayUnreachableError} when the connection fails or times out.
 */
export interface GatewayClient {
  /** Gets or creates a session. */
  open(
    id: string | undefined,
    input: OpenSession,
  ): Promise<{ readonly created: boolean; readonly session: SessionSnapshot }>;
  /** The user's sessions; for operators, also those of others. */
  sessions(query?: SessionQuery): Promise<Page<SessionRecord>>;
  snapshot(id: string): Promise<SessionSnapshot>;
  update(id: string, input: UpdateSession): Promise<SessionSnapshot>;
  end(id: string, input: EndSession): Promise<void>;
  remove(id: string, options?: { archive?: boolean }): Promise<void>;
  /** The session as one JSON document. */
  exportSession(id: string): Promise<SessionExport>;
  /** Creates a session of the user's from an export document, under its id or `id`. */
  importSession(document: SessionExport, options?: { id?: string | undefined }): Promise<SessionSnapshot>;
  /** Starts a clean-up of the user's sessions; for operators, also of those of others. */
  clean(order: CleanOrder): Promise<{ readonly sweepId: string }>;
  /** Clean-ups, newest first. */
  sweeps(query?: SweepQuery): Promise<SweepPage>;
  /** The report of a clean-up, complete or in progress, with a page of its actions. */
  sweep(sweepId: string, page?: { limit?: number | undefined; cursor?: string | undefined }): Promise<Sweep>;
  send(id: string, input: MessageInput): Promise<Receipt>;
  /** Waits up to `waitSeconds` for the answer. */
  sendAndWait(id: string, input: MessageInput, waitSeconds: number): Promise<SendResult>;
  /** The session's events, each exactly once; reconnects automatically. */
  stream(id: string, options?: StreamOptions): AsyncGenerator<StreamEvent>;
  events(id: string, page?: { after?: number; limit?: number }): Promise<{ events: PerdureEvent[]; next: number }>;
  transcript(id: string): Promise<Page<TranscriptEntry>>;
  runs(id: string): Promise<Page<RunRecord>>;
  run(id: string, runId: string): Promise<RunDetail>;
  /** What the session waits for. */
  whySession(id: string): Promise<SessionWhy>;
  /** Where a run's time and money went. With `id` undefined, the run is searched for in all of the user's sessions. */
  whyRun(id: string | undefined, runId: string): Promise<RunWhy>;
  cancel(id: string, runId: string): Promise<CancelledRun>;
  resume(id: string, runId: string): Promise<void>;
  /** Statistics of the user's runs; for operators, also of those of others. */
  stats(query?: StatsQuery): Promise<StatsPage>;
  agents(): Promise<Page<AgentSpec>>;
  /** Model providers: limits, circuits and waits across all workers. */
  providers(): Promise<Page<ProviderStatus>>;
  /** Starts a run without a session. */
  startRun(input: MessageInput): Promise<Receipt>;
  startRunAndWait(input: MessageInput, waitSeconds: number): Promise<SendResult>;
  oneOffRun(runId: string): Promise<RunDetail>;
  streamRun(runId: string, options?: StreamOptions): AsyncGenerator<StreamEvent>;
  cancelOneOff(runId: string): Promise<CancelledRun>;
  /** Usage and cost of model calls. */
  usage(query?: UsageQuery): Promise<UsageReport>;
  /** Limits and their usage; for operators, of any `user`. */
  budget(user?: string): Promise<BudgetReport>;
  /** For operators: replaces the limits of a user. Default: the caller's own. */
  setBudget(limits: UserLimits, user?: string): Promise<BudgetReport>;
  /** Whether the gateway reaches each of its dependencies. */
  ready(): Promise<GatewayReadiness>;
}

export function createGatewayClient(options: GatewayClientOptions = {}): GatewayClient {
  const http = createHttpClient(options);
  const json = async <T>(request: HttpRequest): Promise<T> => (await http.json(request)).body as T;

  return {
    async open(id, input) {
      const request = post(['v1', 'sessions'], { ...(id === undefined ? {} : { id }), ...input });
      const { status, body } = await http.json(request);
      return { created: status === 201, session: body as SessionSnapshot };
    },
    sessions: (query = {}) => json({ path: ['v1', 'sessions'], query: flatten(query) }),
    snapshot: (id) => json({ path: session(id) }),
    update: (id, body) => json({ method: 'PATCH', path: session(id), body }),
    end: (id, input) => http.discard(post(session(id, 'end'), input)),
    remove: (id, query = {}) => http.discard({ method: 'DELETE', path: session(id), query }),
    exportSession: (id) => json({ path: session(id, 'export') }),
    importSession: (body, query = {}) => json({ ...post(['v1', 'sessions', 'import'], body), query }),
    clean: (body) => json(post(['v1', 'maintenance', 'clean'], body)),
    sweeps: (query = {}) => json({ path: ['v1', 'maintenance', 'sweeps'], query: { ...query } }),
    sweep: (sweepId, query = {}) => json({ path: ['v1', 'maintenance', 'sweeps', sweepId], query }),
    send: (id, input) => json(post(session(id, 'messages'), input)),
    sendAndWait: async (id, input, seconds) => resultOf(await json(waiting(session(id, 'messages'), input, seconds))),
    stream: (id, streaming) => streamEvents(connectTo(http, session(id, 'events')), streaming),
    events: (id, query = {}) => json({ path: session(id, 'events'), query, headers: { accept: 'application/json' } }),
    transcript: (id) => json({ path: session(id, 'transcript') }),
    runs: (id) => json({ path: session(id, 'runs') }),
    run: (id, runId) => json({ path: session(id, 'runs', runId) }),
    whySession: (id) => json({ path: session(id, 'why') }),
    whyRun: (id, runId) => json({ path: id === undefined ? run(runId, 'why') : session(id, 'runs', runId, 'why') }),
    cancel: (id, runId) => json(post(session(id, 'runs', runId, 'cancel'), {})),
    resume: (id, runId) => http.discard(post(session(id, 'runs', runId, 'resume'), {})),
    stats: (query = {}) => json({ path: ['v1', 'stats'], query: { ...query } }),
    agents: () => json({ path: ['v1', 'agents'] }),
    providers: () => json({ path: ['v1', 'providers'] }),
    startRun: (input) => json(post(['v1', 'runs'], input)),
    startRunAndWait: async (input, seconds) => resultOf(await json(waiting(['v1', 'runs'], input, seconds))),
    oneOffRun: (runId) => json({ path: run(runId) }),
    streamRun: (runId, streaming) => streamEvents(connectTo(http, run(runId, 'events')), streaming),
    cancelOneOff: (runId) => json(post(run(runId, 'cancel'), {})),
    usage: (query = {}) => json({ path: ['v1', 'usage'], query: { ...query } }),
    budget: (user) => json({ path: ['v1', 'budget'], query: { user } }),
    setBudget: (limits, user) =>
      json({ method: 'PUT', path: ['v1', 'budget'], body: { ...limits, ...(user === undefined ? {} : { user }) } }),
    ready: () => json({ path: ['readyz'], alsoAccept: 503 }),
  };
}

const session = (id: string, ...rest: string[]): string[] => ['v1', 'sessions', id, ...rest];
const run = (id: string, ...rest: string[]): string[] => ['v1', 'runs', id, ...rest];
const post = (path: readonly string[], body: object): HttpRequest => ({ method: 'POST', path, body });
const waiting = (path: readonly string[], body: object, seconds: number): HttpRequest => ({
  ...post(path, body),
  headers: { prefer: `wait=${seconds}` },
  waitMs: seconds * 1_000,
});

/** The first connection sends `after`, later ones `Last-Event-ID`, so that access logs distinguish them. */
function connectTo(http: HttpClient, path: readonly string[]) {
  return (lastSeq: number, again: boolean, signal: AbortSignal): Promise<Response> =>
    http.stream({
      path,
      signal,
      query: again ? {} : { after: lastSeq },
      headers: { accept: 'text/event-stream', ...(again ? { 'last-event-id': String(lastSeq) } : {}) },
    });
}

/** Metadata as `metadata.NAME=VALUE`. */
function flatten({ metadata = {}, ...rest }: SessionQuery): NonNullable<HttpRequest['query']> {
  const byMetadata = Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, value] as const);
  return { ...rest, ...Object.fromEntries(byMetadata) };
}

/** The gateway sends the bare receipt when the wait timed out. */
function resultOf(body: SendResult | Receipt): SendResult {
  return 'receipt' in body ? body : { receipt: body };
}
