import type { AgentSpec } from '../../contracts/agent.ts';
import type { Attachment } from '../../contracts/attachments/attachment.ts';
import type { BudgetReport, UserLimits } from '../../contracts/budget.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { UsageReport } from '../../contracts/usage.ts';
import type { CancelledRun, EndSession, OpenSession, UpdateSession } from '../../contracts/session/commands.ts';
import type { CountsRecorded, RecordCounts } from '../../contracts/session/recorded-counts.ts';
import type { PerdureEvent, StreamEvent } from '../../contracts/events/event.ts';
import type { SessionExport } from '../../contracts/session/session-export.ts';
import type { Sweep, SweepPage } from '../../contracts/maintenance.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { Forgotten, MemoryPage, Remember, Remembered } from '../../contracts/capabilities/memory.ts';
import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import type { ProviderStatus } from '../../contracts/provider.ts';
import type { ListedRuns, RunDetail, RunRecord, Usage } from '../../contracts/session/run.ts';
import type { ReceiptOfWaiting } from '../../contracts/session/waiting-receipt.ts';
import type { SessionRecord, SessionSnapshot } from '../../contracts/session/session.ts';
import type { StatsPage } from '../../contracts/stats.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { CallContext } from '../../contracts/session/call-context.ts';
import type { RunWhy, SessionWhy } from '../../contracts/why.ts';
import type { Workers } from '../../contracts/worker.ts';
import { createFleetClient, type FleetClient } from './fleet-client.ts';
import { createInboxClient, type InboxClient } from './inbox-client.ts';
import { createOperatorClient, type OperatorClient } from './operator-client.ts';
import { connectTo } from './connect-stream.ts';
import { streamEvents } from './event-stream.ts';
import type { StreamOptions } from './event-stream.ts';
import { createHttpClient } from './http-client.ts';
import type { FileContent, GatewayClientOptions, HttpRequest } from './http-client.ts';
import type { Page } from './page.ts';
import type {
  CallName,
  CleanOrder,
  MemoryQuery,
  RunQuery,
  SessionQuery,
  StatsQuery,
  SweepQuery,
  UsageQuery,
} from './queries.ts';

/** All agents. */
export interface AgentPage extends Page<AgentSpec> {
  /** `provider/model` of agents that name no model; null where the gateway does not have that setting, absent from an older one. */
  readonly defaultModel?: string | null;
}

/** Whether a gateway can serve requests. */
export interface GatewayReadiness {
  /** Whether everything is in memory and lost when the gateway's process ends. Absent in older gateways. */
  readonly inMemory?: boolean;
  /** Whether the gateway's Redis responds; null without one. Absent in older gateways. */
  readonly redis?: boolean | null;
  readonly status: 'ready' | 'unavailable';
  /** True for each dependency that responds. */
  readonly checks: Readonly<Record<string, boolean>>;
}

/** The result of sending a message and waiting for its answer. */
export interface SendResult {
  readonly receipt: Receipt;
  /** The final text. Absent when the wait timed out first; null when the run did not complete. */
  readonly answer?: string | null;
  /** The structured answer; absent if there is none. */
  readonly object?: JsonObject;
  readonly usage?: Usage | null;
  /** The run after its end; absent when the wait timed out first. */
  readonly run?: RunRecord | null;
  /** `waiting`: the run waits for an answer to one of its tool calls, in `approvals` or `clientCalls`. */
  readonly status?: string;
  readonly approvals?: readonly InboxItem[];
  readonly clientCalls?: readonly InboxItem[];
}

/**
 * The gateway's HTTP interface, typed. Every method rejects with a PerdureError for a problem response, and with a
 * {@link import('./gateway-unreachable-error.ts').GatewayUnreachableError} when the connection fails or times out.
 */
export interface GatewayClient extends InboxClient, OperatorClient, FleetClient {
  /** Gets or creates a session. */
  open(
    id: string | undefined,
    input: OpenSession,
  ): Promise<{ readonly created: boolean; readonly session: SessionSnapshot }>;
  /** The user's sessions; for operators, also those of others. */
  sessions(query?: SessionQuery): Promise<Page<SessionRecord>>;
  snapshot(id: string): Promise<SessionSnapshot>;
  update(id: string, input: UpdateSession): Promise<SessionSnapshot>;
  /** Adds an application's own counts to the session, once per key. */
  record(id: string, counts: RecordCounts): Promise<CountsRecorded>;
  end(id: string, input: EndSession): Promise<void>;
  remove(id: string, options?: { archive?: boolean }): Promise<void>;
  /** The session as one JSON document. */
  exportSession(id: string, options?: ExportOptions): Promise<SessionExport>;
  /** Creates a session of the user's from an export document, under its id or `id`. */
  importSession(document: SessionExport, options?: { id?: string | undefined }): Promise<SessionSnapshot>;
  /** Restores an archived session without a message; does nothing to another one. */
  restore(id: string): Promise<SessionSnapshot>;
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
  /** A page of whole runs. */
  transcript(id: string, page?: { cursor?: string | undefined }): Promise<Page<TranscriptEntry>>;
  runs(id: string): Promise<Page<RunRecord>>;
  run(id: string, runId: string): Promise<RunDetail>;
  /** Runs of all sessions of the user; for operators, also of others. */
  listRuns(query?: RunQuery): Promise<ListedRuns>;
  /** What the session waits for. */
  whySession(id: string): Promise<SessionWhy>;
  /** Where a run's time and money went. With `id` undefined, the run is searched for in all of the user's sessions. */
  whyRun(id: string | undefined, runId: string): Promise<RunWhy>;
  /** What a model call of a run was given. With `id` undefined, the run is searched for in all of the user's sessions. */
  context(id: string | undefined, runId: string, call?: CallName): Promise<CallContext>;
  cancel(id: string, runId: string): Promise<CancelledRun>;
  resume(id: string, runId: string): Promise<void>;
  /** Statistics of the user's runs; for operators, also of those of others. */
  stats(query?: StatsQuery): Promise<StatsPage>;
  agents(): Promise<AgentPage>;
  /** Model providers: limits, circuits and waits across all workers. */
  providers(): Promise<Page<ProviderStatus>>;
  /** Starts a run without a session. */
  startRun(input: MessageInput): Promise<Receipt>;
  startRunAndWait(input: MessageInput, waitSeconds: number): Promise<SendResult>;
  oneOffRun(runId: string): Promise<RunDetail>;
  streamRun(runId: string, options?: StreamOptions): AsyncGenerator<StreamEvent>;
  cancelOneOff(runId: string): Promise<CancelledRun>;
  /** The user's memories, newest first; with a query, those that match, best first. */
  memories(query?: MemoryQuery): Promise<MemoryPage>;
  /** Remembers a text. */
  remember(input: Remember): Promise<Remembered>;
  /** Forgets a memory, with all that it corrects. */
  forget(id: string): Promise<Forgotten>;
  /** Forgets all of the user's memories. */
  forgetAll(): Promise<Forgotten>;
  /** Usage and cost of model calls. */
  usage(query?: UsageQuery): Promise<UsageReport>;
  /** Limits and their usage; for operators, of any `user`. */
  budget(user?: string): Promise<BudgetReport>;
  /** For operators: replaces the limits of a user. Default: the caller's own. */
  setBudget(limits: UserLimits, user?: string): Promise<BudgetReport>;
  /** How many workers take work. */
  workers(): Promise<Workers>;
  /** Uploads a file of the user's. */
  upload(content: FileContent, options: UploadOptions): Promise<Attachment>;
  /** The content of an attachment, or a part of it. */
  download(attachmentId: string, range?: DownloadRange): Promise<Response>;
  /** Whether the gateway reaches each of its dependencies. */
  ready(): Promise<GatewayReadiness>;
}

export interface ExportOptions {
  /** Whether the document contains the images and files of the messages. Default false. */
  readonly attachments?: boolean | undefined;
}

export interface UploadOptions {
  /** The file's name, without its folder. */
  readonly name: string;
  /** A hint for texts, which have no signature. The content determines the type of everything else. */
  readonly contentType?: string | undefined;
}

/** Bytes from `start` to `end` (exclusive). */
export interface DownloadRange {
  readonly start: number;
  readonly end: number;
}

export function createGatewayClient(options: GatewayClientOptions = {}): GatewayClient {
  const http = createHttpClient(options);
  const json = async <T>(request: HttpRequest): Promise<T> => (await http.json(request)).body as T;
  const owned = (request: HttpRequest): HttpRequest =>
    options.of === undefined ? request : { ...request, query: { ...request.query, user: options.of } };
  const stream = (id: string, path: readonly string[], streaming: StreamOptions | undefined) =>
    streamEvents(
      connectTo({ ...http, stream: (request) => http.stream(owned(request)) }, path, streaming),
      id,
      streaming,
    );

  return {
    ...createFleetClient({ json }),
    ...createInboxClient({ json, owned, discard: (request) => http.discard(request) }),
    ...createOperatorClient({ json, discard: (request) => http.discard(request) }),
    async open(id, input) {
      const request = post(['v1', 'sessions'], { ...(id === undefined ? {} : { id }), ...input });
      const { status, body } = await http.json(request);
      return { created: status === 201, session: body as SessionSnapshot };
    },
    sessions: (query = {}) => json({ path: ['v1', 'sessions'], query: flatten(query) }),
    snapshot: (id) => json(owned({ path: session(id) })),
    update: (id, body) => json({ method: 'PATCH', path: session(id), body }),
    record: (id, counts) => json(post(session(id, 'counts'), counts)),
    end: (id, input) => http.discard(post(session(id, 'end'), input)),
    remove: (id, query = {}) => http.discard({ method: 'DELETE', path: session(id), query }),
    exportSession: (id, { attachments } = {}) =>
      json(owned({ path: session(id, 'export'), query: attachments === true ? { attachments: 'include' } : {} })),
    restore: (id) => json(post(session(id, 'restore'), {})),
    importSession: (body, query = {}) => json({ ...post(['v1', 'sessions', 'import'], body), query }),
    clean: (body) => json(post(['v1', 'maintenance', 'clean'], body)),
    sweeps: (query = {}) => json({ path: ['v1', 'maintenance', 'sweeps'], query: { ...query } }),
    sweep: (sweepId, query = {}) => json({ path: ['v1', 'maintenance', 'sweeps', sweepId], query }),
    send: (id, input) => json(post(session(id, 'messages'), input)),
    sendAndWait: async (id, input, seconds) => resultOf(await json(waiting(session(id, 'messages'), input, seconds))),
    stream: (id, streaming) => stream(id, session(id, 'events'), streaming),
    events: (id, query = {}) =>
      json(owned({ path: session(id, 'events'), query, headers: { accept: 'application/json' } })),
    transcript: (id, query = {}) => json(owned({ path: session(id, 'transcript'), query })),
    runs: (id) => json(owned({ path: session(id, 'runs') })),
    run: (id, runId) => json(owned({ path: session(id, 'runs', runId) })),
    listRuns: (query = {}) => json(owned({ path: ['v1', 'runs'], query: { ...query } })),
    whySession: (id) => json(owned({ path: session(id, 'why') })),
    whyRun: (id, runId) =>
      json(owned({ path: id === undefined ? run(runId, 'why') : session(id, 'runs', runId, 'why') })),
    context: (id, runId, { step = 'last', attempt } = {}) => {
      const place = ['steps', String(step), 'context'];
      const path = id === undefined ? run(runId, ...place) : session(id, 'runs', runId, ...place);
      return json(owned({ path, query: attempt === undefined ? {} : { attempt } }));
    },
    cancel: (id, runId) => json(owned(post(session(id, 'runs', runId, 'cancel'), {}))),
    resume: (id, runId) => http.discard(owned(post(session(id, 'runs', runId, 'resume'), {}))),
    stats: (query = {}) => json({ path: ['v1', 'stats'], query: { ...query } }),
    agents: () => json({ path: ['v1', 'agents'] }),
    providers: () => json({ path: ['v1', 'providers'] }),
    startRun: (input) => json(post(['v1', 'runs'], input)),
    startRunAndWait: async (input, seconds) => resultOf(await json(waiting(['v1', 'runs'], input, seconds))),
    oneOffRun: (runId) => json(owned({ path: run(runId) })),
    streamRun: (runId, streaming) => stream(runId, run(runId, 'events'), streaming),
    cancelOneOff: (runId) => json(owned(post(run(runId, 'cancel'), {}))),
    memories: (query = {}) => json(owned({ path: ['v1', 'memories'], query: { ...query } })),
    remember: (input) => json(post(['v1', 'memories'], input)),
    forget: (id) => json(owned({ method: 'DELETE', path: ['v1', 'memories', id] })),
    forgetAll: () => json(owned({ method: 'DELETE', path: ['v1', 'memories'], query: { all: true } })),
    usage: (query = {}) => json({ path: ['v1', 'usage'], query: { ...query } }),
    budget: (user) => json({ path: ['v1', 'budget'], query: { user } }),
    setBudget: (limits, user) =>
      json({ method: 'PUT', path: ['v1', 'budget'], body: { ...limits, ...(user === undefined ? {} : { user }) } }),
    upload: (content, { name, contentType }) =>
      json({
        method: 'POST',
        path: ['v1', 'attachments'],
        query: { name },
        content,
        // A Blob without a type and a string would send one of their own.
        headers: { 'content-type': contentType ?? 'application/octet-stream' },
        waitMs: LIMITS.uploadMs.value,
      }),
    download: (attachmentId, range) =>
      http.stream({
        path: ['v1', 'attachments', attachmentId],
        headers: range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` },
      }),
    workers: () => json({ path: ['v1', 'workers'] }),
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

/** Metadata as `metadata.NAME=VALUE`. */
function flatten({ metadata = {}, ...rest }: SessionQuery): NonNullable<HttpRequest['query']> {
  const byMetadata = Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, value] as const);
  return { ...rest, ...Object.fromEntries(byMetadata) };
}

/** The gateway sends the bare receipt when the wait timed out, and with what the run waits for when that is an answer. */
function resultOf(body: SendResult | ReceiptOfWaiting): SendResult {
  if ('receipt' in body) return body;
  const { status, approvals, clientCalls, ...receipt } = body;
  return status === undefined
    ? { receipt }
    : { receipt, status, approvals: approvals ?? [], clientCalls: clientCalls ?? [] };
}
