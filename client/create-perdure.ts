import type { Client } from '@temporalio/client';
import { v7 as uuidv7 } from 'uuid';
import type { AgentSpec } from '../contracts/agent.ts';
import type { BudgetReport } from '../contracts/budget.ts';
import type { MessageInput } from '../contracts/session/message.ts';
import type { Sweep, SweepPage } from '../contracts/maintenance.ts';
import type { SessionExport } from '../contracts/session/session-export.ts';
import type { SessionRecord, SessionSnapshot } from '../contracts/session/session.ts';
import type { StatsPage } from '../contracts/stats.ts';
import { sessionKey } from '../contracts/session/session-key.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { UsageReport } from '../contracts/usage.ts';
import { cleanUp } from './clean-up.ts';
import { createGatewayClient } from './http/gateway-client.ts';
import type { GatewayClient, Page } from './http/gateway-client.ts';
import type { CleanOrder, SessionFilter, StatsQuery, SweepQuery, UsageQuery } from './http/queries.ts';
import { oneOffKey } from './temporal/one-off-key.ts';
import { createOneOffRun } from './one-off-run.ts';
import type { OneOffRun } from './one-off-run.ts';
import { createSessionHandle } from './session-handle.ts';
import type { SessionHandle } from './session-handle.ts';
import type { SessionSender } from './temporal/session-sender.ts';
import { lazyClient } from './temporal/temporal-connection.ts';
import type { TemporalOptions } from './temporal/temporal-connection.ts';
import { createTemporalSender } from './temporal/temporal-sender.ts';

export interface PerdureOptions {
  /** Where messages are sent. Connected when the first one is. */
  readonly temporal?: TemporalOptions;
  /** A Temporal client to use instead; stays open when Perdure is closed. */
  readonly client?: Client;
  /** Where events, snapshots and lists are read: the gateway's URL. Default `http://127.0.0.1:4747`. */
  readonly gateway?: string;
  /** Whose sessions are meant where only a session id is given. Default `local`. */
  readonly user?: string;
  /** The gateway's bearer token. */
  readonly token?: string;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
}

/** What a backend service talks to. Sending needs Temporal only; reading needs the gateway only. */
export interface Perdure {
  /** A session of `user`, or of the key's own. Nothing is sent yet. */
  session(idOrKey: string | SessionKey): SessionHandle;
  /** Starts a run without a session. The same message id finds the same run. */
  run(message: string | MessageInput): Promise<OneOffRun>;
  /** Makes an exported session one of `user`'s, under its id or another. */
  import(document: SessionExport, options?: { readonly id?: string | undefined }): Promise<SessionSnapshot>;
  /** Cleans up `user`'s sessions, or for operators those of others; resolves with what was done to which, and why. */
  clean(order?: CleanOrder): Promise<Sweep>;
  /** Clean-ups, newest first; for operators those of others and of the schedule too. */
  sweeps(query?: SweepQuery): Promise<SweepPage>;
  /** The report of a clean-up, with a page of what it did. */
  sweep(id: string, page?: { readonly limit?: number; readonly cursor?: string }): Promise<Sweep>;
  /** This user's sessions; for operators, also those of others. */
  list(filter?: SessionFilter): Promise<Page<SessionRecord>>;
  /** How this user's runs went: requests, errors, times, tokens, cost; for operators, also how those of others did. */
  stats(query?: StatsQuery): Promise<StatsPage>;
  agents(): Promise<readonly AgentSpec[]>;
  /** What this user's model calls used; for operators, also what those of others did. */
  usage(query?: UsageQuery): Promise<UsageReport>;
  /** This user's limits and what has gone of them. */
  budget(): Promise<BudgetReport>;
  /** Closes the connection to Temporal that was opened here. */
  close(): Promise<void>;
}

export function createPerdure(options: PerdureOptions = {}): Perdure {
  const user = options.user ?? 'local';
  const temporal = lazyClient(options.temporal ?? {}, options.client);
  let sender: SessionSender | undefined;
  const senderOf = (): SessionSender => (sender ??= createTemporalSender({ client: temporal.get() }));
  const reader = (whose: string): GatewayClient =>
    createGatewayClient({ url: options.gateway, user: whose, token: options.token, fetch: options.fetch });

  return {
    session(idOrKey) {
      const key = typeof idOrKey === 'string' ? sessionKey(user, idOrKey) : sessionKey(idOrKey.user, idOrKey.session);
      return createSessionHandle(key, senderOf, reader(key.user));
    },
    async run(message) {
      const { id = uuidv7(), ...rest } = typeof message === 'string' ? { content: message } : message;
      const key = oneOffKey(user, id);
      const receipt = await senderOf().submitRun(key, { id, ...rest });
      return createOneOffRun(key, receipt, senderOf, reader(user));
    },
    import: (document, importing = {}) => reader(user).importSession(document, importing),
    clean: (order = {}) => cleanUp(reader(user), order),
    sweeps: (query) => reader(user).sweeps(query),
    sweep: (id, page) => reader(user).sweep(id, page),
    list: (filter) => reader(user).sessions(filter),
    stats: (query) => reader(user).stats(query),
    agents: async () => (await reader(user).agents()).data,
    usage: (query) => reader(user).usage(query),
    budget: () => reader(user).budget(),
    async close() {
      sender = undefined;
      await temporal.close();
    },
  };
}
