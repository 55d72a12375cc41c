import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { AgentSpec } from '../contracts/agent.ts';
import type { ApprovalRule } from '../contracts/approvals/approval-rule.ts';
import type { Erasure, ErasurePage } from '../contracts/admin/erasure.ts';
import type { BudgetReport } from '../contracts/budget.ts';
import type { InboxItem } from '../contracts/session/inbox-item.ts';
import type { MessageContent, MessageInput } from '../contracts/session/message.ts';
import type { Sweep, SweepPage } from '../contracts/maintenance.ts';
import type { SessionExport } from '../contracts/session/session-export.ts';
import type { ListedRuns } from '../contracts/session/run.ts';
import type { SessionRecord, SessionSnapshot } from '../contracts/session/session.ts';
import type { StatsPage } from '../contracts/stats.ts';
import { sessionKey } from '../contracts/session/session-key.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { UsageReport } from '../contracts/usage.ts';
import { createAttachments, type Attachments } from './attachments.ts';
import { cleanUp } from './clean-up.ts';
import { eraseUser, type EraseOptions } from './erase-user.ts';
import { createGatewayClient } from './http/gateway-client.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import type { Page } from './http/page.ts';
import type { GatewayClientOptions } from './http/http-client.ts';
import type {
  CleanOrder,
  InboxQuery,
  RunQuery,
  SessionQuery,
  StatsQuery,
  SweepQuery,
  UsageQuery,
} from './http/queries.ts';
import { createHttpSender } from './http-sender.ts';
import { inputOf } from './input-of.ts';
import { memoriesOf, type UserMemories } from './user-memories.ts';
import { createOneOffRun } from './one-off-run.ts';
import type { OneOffRun } from './one-off-run.ts';
import { createSessionHandle } from './session-handle.ts';
import type { SessionHandle } from './session-handle.ts';
import { structured, withSchema, type StructuredAnswer } from './structured-answer.ts';
import { lazyTemporalSender, type TemporalTarget } from './temporal/lazy-temporal-sender.ts';
import { oneOffKey } from './temporal/one-off-key.ts';
import type { SessionSender } from './temporal/session-sender.ts';

export interface PerdureOptions extends Pick<GatewayClientOptions, 'token' | 'fetch' | 'timeoutMs'> {
  /** Base URL of the gateway. Default `http://127.0.0.1:4747`. */
  readonly gateway?: string | undefined;
  /** Owner of the sessions that are given by id alone. Default `local`. With a token the gateway takes the user from it. */
  readonly user?: string | undefined;
  /**
   * Sends through Temporal instead of the gateway, which is then needed for reading only. Connects when something is
   * sent. Needs the package `@temporalio/client`. Default: everything goes through the gateway.
   */
  readonly temporal?: TemporalTarget | undefined;
}

/** Perdure for a backend service. Methods reject with a PerdureError or a GatewayUnreachableError. */
export interface Perdure {
  /** A handle on a session of `user`, or of the key's user. Sends nothing. */
  session(idOrKey: string | SessionKey): SessionHandle;
  /** Starts a run without a session. The same message id returns the same run. */
  run(message: MessageContent | MessageInput, options?: { schema?: undefined }): Promise<OneOffRun>;
  /** With a zod schema of an object, its answer is structured. */
  run<T>(
    message: MessageContent | MessageInput,
    options: { schema: z.ZodType<T> },
  ): Promise<OneOffRun<StructuredAnswer<T>>>;
  /** Creates a session of `user` from an export document, under its id or `id`. */
  import(document: SessionExport, options?: { readonly id?: string | undefined }): Promise<SessionSnapshot>;
  /** Cleans up `user`'s sessions, or for operators those of others; resolves with the report. */
  clean(order?: CleanOrder): Promise<Sweep>;
  /** Clean-ups, newest first; for operators also those of others and the scheduled ones. */
  sweeps(query?: SweepQuery): Promise<SweepPage>;
  /** The report of a clean-up, with a page of its actions. */
  sweep(id: string, page?: { readonly limit?: number; readonly cursor?: string }): Promise<Sweep>;
  /**
   * For operators: erases everything that is stored of `user`, and resolves with the report when it has ended, within about a minute
   * for 1,000 sessions. Rejects with `forbidden` for others.
   */
  erase(user: string, options?: EraseOptions): Promise<Erasure>;
  /** For operators: the progress or the report of an erasure. Rejects with `not_found`. */
  erasure(id: string): Promise<Erasure>;
  /** For operators: erasures, newest first. Those that have ended name nobody. */
  erasures(page?: { readonly limit?: number; readonly cursor?: string }): Promise<ErasurePage>;
  /** This user's sessions; for operators, also those of others. */
  list(query?: SessionQuery): Promise<Page<SessionRecord>>;
  /** Requests, errors, durations, tokens and cost of this user's runs; for operators, also of those of others. */
  stats(query?: StatsQuery): Promise<StatsPage>;
  /** The newest, slowest or dearest runs of all sessions of the user; for operators, also of others. */
  runs(query?: RunQuery): Promise<ListedRuns>;
  /** Approvals and client calls of all sessions of this user, by default those that wait, the oldest first; for operators, also of others. */
  inbox(query?: InboxQuery): Promise<Page<InboxItem>>;
  /** What this user has chosen to approve without being asked. */
  approvalRules(): Promise<Page<ApprovalRule>>;
  /** Takes back a rule. Rejects with `not_found` if there is none. */
  removeApprovalRule(ruleId: string): Promise<void>;
  /** What is remembered of this user, over all sessions. */
  readonly memories: UserMemories;
  agents(): Promise<readonly AgentSpec[]>;
  /** Images and files that messages refer to. */
  readonly attachments: Attachments;
  /** Usage and cost of this user's model calls; for operators, also of those of others. */
  usage(query?: UsageQuery): Promise<UsageReport>;
  /** This user's limits and their usage. */
  budget(): Promise<BudgetReport>;
  /** Closes the connection to Temporal, if one was opened here. */
  close(): Promise<void>;
}

export function createPerdure(options: PerdureOptions = {}): Perdure {
  const { user = 'local', temporal, gateway: url, ...rest } = options;
  const gatewayOf = (owner: string): GatewayClient => createGatewayClient({ ...rest, url, user: owner });
  const gateway = gatewayOf(user);
  const throughTemporal = temporal === undefined ? undefined : lazyTemporalSender(temporal);
  const httpSender = createHttpSender(gatewayOf);
  const senderOf = async (): Promise<SessionSender> => (await throughTemporal?.get()) ?? httpSender;

  return {
    session(idOrKey) {
      const key = typeof idOrKey === 'string' ? sessionKey(user, idOrKey) : sessionKey(idOrKey.user, idOrKey.session);
      return createSessionHandle(key, senderOf, gatewayOf(key.user));
    },
    async run<T>(message: MessageContent | MessageInput, { schema }: { schema?: z.ZodType<T> | undefined } = {}) {
      const { id = uuidv7(), ...input } = withSchema(inputOf(message), schema);
      const key = oneOffKey(user, id);
      const receipt = await (await senderOf()).submitRun(key, { id, ...input });
      return createOneOffRun(key, receipt, senderOf, gateway, async (answer) =>
        schema === undefined ? (answer as StructuredAnswer<T>) : structured(answer, schema),
      );
    },
    import: (document, importing = {}) => gateway.importSession(document, importing),
    clean: (order = {}) => cleanUp(gateway, order),
    sweeps: (query) => gateway.sweeps(query),
    sweep: (id, page) => gateway.sweep(id, page),
    erase: (erased, erasing) => eraseUser(gateway, erased, erasing),
    erasure: (id) => gateway.erasure(id),
    erasures: (page) => gateway.erasures(page),
    list: (query) => gateway.sessions(query),
    stats: (query) => gateway.stats(query),
    runs: (query) => gateway.listRuns(query),
    inbox: (query) => gateway.inbox(query),
    approvalRules: () => gateway.approvalRules(),
    removeApprovalRule: (ruleId) => gateway.removeApprovalRule(ruleId),
    attachments: createAttachments(user, gatewayOf),
    memories: memoriesOf(gateway),
    agents: async () => (await gateway.agents()).data,
    usage: (query) => gateway.usage(query),
    budget: () => gateway.budget(),
    close: async () => await throughTemporal?.close(),
  };
}
