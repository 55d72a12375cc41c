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
import type { GatewayClientOptions } from './http/http-client.ts';
import type { CleanOrder, SessionQuery, StatsQuery, SweepQuery, UsageQuery } from './http/queries.ts';
import { createHttpSender } from './http-sender.ts';
import { createOneOffRun } from './one-off-run.ts';
import type { OneOffRun } from './one-off-run.ts';
import { createSessionHandle } from './session-handle.ts';
import type { SessionHandle } from './session-handle.ts';
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
  run(message: string | MessageInput): Promise<OneOffRun>;
  /** Creates a session of `user` from an export document, under its id or `id`. */
  import(document: SessionExport, options?: { readonly id?: string | undefined }): Promise<SessionSnapshot>;
  /** Cleans up `user`'s sessions, or for operators those of others; resolves with the report. */
  clean(order?: CleanOrder): Promise<Sweep>;
  /** Clean-ups, newest first; for operators also those of others and the scheduled ones. */
  sweeps(query?: SweepQuery): Promise<SweepPage>;
  /** The report of a clean-up, with a page of its actions. */
  sweep(id: string, page?: { readonly limit?: number; readonly cursor?: string }): Promise<Sweep>;
  /** This user's sessions; for operators, also those of others. */
  list(query?: SessionQuery): Promise<Page<SessionRecord>>;
  /** Requests, errors, durations, tokens and cost of this user's runs; for operators, also of those of others. */
  stats(query?: StatsQuery): Promise<StatsPage>;
  agents(): Promise<readonly AgentSpec[]>;
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
    async run(message) {
      const { id = uuidv7(), ...input } = typeof message === 'string' ? { content: message } : message;
      const key = oneOffKey(user, id);
      const receipt = await (await senderOf()).submitRun(key, { id, ...input });
      return createOneOffRun(key, receipt, senderOf, gateway);
    },
    import: (document, importing = {}) => gateway.importSession(document, importing),
    clean: (order = {}) => cleanUp(gateway, order),
    sweeps: (query) => gateway.sweeps(query),
    sweep: (id, page) => gateway.sweep(id, page),
    list: (query) => gateway.sessions(query),
    stats: (query) => gateway.stats(query),
    agents: async () => (await gateway.agents()).data,
    usage: (query) => gateway.usage(query),
    budget: () => gateway.budget(),
    close: async () => await throughTemporal?.close(),
  };
}
