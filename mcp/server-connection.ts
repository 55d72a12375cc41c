import { performance } from 'node:perf_hooks';
import type { Client } from '@modelcontextprotocol/client';
import { LIMITS } from '../contracts/limits.ts';
import type { McpServerSettings } from '../contracts/mcp/mcp-server.ts';
import { backoffMs } from '../core/backoff.ts';
import { secretRedactor } from '../core/mcp/redact-secrets.ts';
import { describeFailure } from './describe-failure.ts';
import type { McpAnswer, McpQuestion } from './elicitation.ts';
import { listTools, type ListedTools } from './list-tools.ts';
import { makeCall, type McpCall, type McpCallEnd } from './make-call.ts';
import { McpError } from './mcp-error.ts';
import { newClient } from './new-client.ts';
import { openTransport, type OpenTransport } from './open-transport.ts';
import { resolveSettings } from './resolve-settings.ts';
import { untilAborted } from './until-aborted.ts';

/** Between attempts to connect to a server that is away. */
const RETRY = { maxAttempts: 0, initialIntervalMs: 1_000, backoffCoefficient: 2, maxIntervalMs: 60_000 };
/** A connection that is lost sooner counts as a failed attempt, so that a server that exits at once is not started in a loop. */
const STABLE_MS = 10_000;

/** What is known of a server that is connected. */
export interface McpServerInfo {
  readonly protocolVersion: string;
  /** Of its own choice. */
  readonly serverName: string;
  readonly serverVersion: string;
}

export interface ConnectionOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly onChange: (connected: boolean) => void;
  /** The server may ask the user: how long a call of it waits for answers, in ms. Default: it may not. */
  readonly questionsMs?: number | undefined;
}

/** A server whose connection is open. */
interface Live {
  readonly client: Client;
  readonly transport: OpenTransport;
  readonly connectedAt: number;
  readonly redact: <Value>(value: Value) => Value;
  list: { readonly at: number; readonly tools: ListedTools } | null;
  /** Uses in progress, which end before the connection is closed. */
  uses: number;
}

/**
 * The connection to one server, which all runs of a worker share. It is made when it is first needed and after it was lost, with
 * growing pauses while it fails; meanwhile every use fails at once.
 */
export class ServerConnection {
  readonly #name: string;
  readonly #settings: McpServerSettings;
  readonly #env: NodeJS.ProcessEnv;
  readonly #onChange: (connected: boolean) => void;
  /** How long questions of the server to the user may wait; null if it may ask nothing. */
  readonly #questionsMs: number | null;
  readonly #calls = new Set<McpCall>();
  #live: Live | null = null;
  #connecting: Promise<Live> | null = null;
  #listing: Promise<ListedTools> | null = null;
  #failures = 0;
  #retryAt = 0;
  #problem: McpError | null = null;
  #closed = false;
  /** Uses in progress. */
  #uses = 0;
  #usedAt = performance.now();

  constructor(name: string, settings: McpServerSettings, options: ConnectionOptions) {
    this.#name = name;
    this.#settings = settings;
    this.#env = options.env;
    this.#onChange = options.onChange;
    this.#questionsMs = options.questionsMs ?? null;
  }

  /** The time since the last use, in ms; 0 during one. */
  get idleMs(): number {
    return this.#uses > 0 ? 0 : performance.now() - this.#usedAt;
  }

  /** What the process of the server has written to its standard error, at the end. For operators. */
  get errors(): string {
    return this.#live?.transport.errors() ?? this.#lastErrors;
  }
  #lastErrors = '';

  /** The tools of the server. Throws an {@link McpError}, or the signal's reason. */
  async list(signal: AbortSignal): Promise<ListedTools> {
    return await this.#use(signal, async (live) => {
      const { list } = live;
      if (list && performance.now() - list.at < LIMITS.mcpListMs.value) return list.tools;
      // Without the caller's signal: others wait for the same list.
      this.#listing ??= this.#fetchList(live).finally(() => (this.#listing = null));
      return await this.#listing;
    });
  }

  async info(signal: AbortSignal): Promise<McpServerInfo> {
    return await this.#use(signal, async ({ client }) => {
      const { name = '', version = '' } = client.getServerVersion() ?? {};
      return { protocolVersion: client.getNegotiatedProtocolVersion() ?? '', serverName: name, serverVersion: version };
    });
  }

  /** Calls a tool. Throws an {@link McpError}, or the signal's reason. */
  async call(call: McpCall): Promise<McpCallEnd> {
    this.#calls.add(call);
    try {
      return await this.#use(call.signal, async (live) => {
        const end = await makeCall(this.#name, live.client, call, () => this.#drop(live));
        this.#failures = 0;
        return live.redact(end);
      });
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Whether the server asks the user in the results of calls, not over the open connection. Throws as {@link call}. */
  async asksInResults(signal: AbortSignal): Promise<boolean> {
    return await this.#use(signal, async ({ client }) => client.getProtocolEra() === 'modern');
  }

  /** Answers a question over the open connection, which says nothing of the call that it belongs to: only where there is one. */
  async #answer(question: McpQuestion, redact: Live['redact'], signal: AbortSignal): Promise<McpAnswer> {
    const [call, another] = this.#calls;
    if (!call?.asking || another) return { action: 'cancel' };
    return await call.asking.ask(redact(question), signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const live = this.#live ?? (await this.#connecting?.catch(() => null));
    if (!live) return;
    this.#drop(live);
    await live.transport.close();
  }

  /** Uses the connection, once more if the server had certainly not begun. */
  async #use<Result>(signal: AbortSignal, work: (live: Live) => Promise<Result>): Promise<Result> {
    this.#uses += 1;
    try {
      for (let again = false; ; again = true) {
        const live = await untilAborted(signal, this.#connected());
        live.uses += 1;
        try {
          return await untilAborted(signal, work(live));
        } catch (thrown) {
          signal.throwIfAborted();
          const { error, disconnects, notBegun } = describeFailure(this.#name, live.transport.problem() ?? thrown);
          if (disconnects) this.#drop(live);
          if (notBegun && error.retryable && !again) continue;
          throw redacted(error, live.redact);
        } finally {
          live.uses -= 1;
          if (live.uses === 0 && live !== this.#live) void live.transport.close();
        }
      }
    } finally {
      this.#uses -= 1;
      this.#usedAt = performance.now();
    }
  }

  async #connected(): Promise<Live> {
    if (this.#live) return this.#live;
    if (this.#closed) throw new McpError('The worker is shutting down.', { retryable: true });
    const waitMs = this.#retryAt - performance.now();
    if (waitMs > 0 && !this.#connecting) {
      const { message = '' } = this.#problem ?? {};
      throw new McpError(`${message} The next attempt is in ${Math.ceil(waitMs / 1_000)} s.`, { retryable: true });
    }
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = null));
    return await this.#connecting;
  }

  async #connect(): Promise<Live> {
    try {
      const { live, stillOpen } = await this.#open();
      if (!stillOpen()) throw new McpError(`The MCP server ${JSON.stringify(this.#name)} closed the connection.`);
      this.#live = live;
      this.#problem = null;
      this.#onChange(true);
      return live;
    } catch (thrown) {
      const { error } = describeFailure(this.#name, thrown);
      this.#failed(error);
      throw error;
    }
  }

  async #open(): Promise<{ readonly live: Live; readonly stillOpen: () => boolean }> {
    const resolved = resolveSettings(this.#name, this.#settings, this.#env);
    const redact = secretRedactor(resolved.secrets);
    const timeoutMs = this.#settings.connectTimeoutMs ?? LIMITS.mcpConnectMs.value;
    // A server that exits when it is asked for its versions is started again and not asked.
    for (const prior of [undefined, { kind: 'legacy' } as const]) {
      const client = newClient({
        onListChanged: () => this.#live && (this.#live.list = null),
        onQuestion: this.#questionsMs === null ? null : (question, asked) => this.#answer(question, redact, asked),
      });
      const transport = openTransport(this.#name, this.#settings, resolved, this.#questionsMs ?? 0);
      const live: Live = { client, transport, connectedAt: performance.now(), redact, list: null, uses: 0 };
      let isOpen = true;
      Object.assign(client, {
        onclose: () => {
          isOpen = false;
          this.#drop(live);
        },
      });
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const connecting = client.connect(transport.transport, {
          timeout: timeoutMs,
          signal: timeout,
          ...(prior && { prior }),
        });
        connecting.catch(() => {});
        await untilAborted(timeout, connecting);
        return { live, stillOpen: () => isOpen };
      } catch (thrown) {
        this.#lastErrors = redact(transport.errors());
        await transport.close();
        if (timeout.aborted)
          throw new McpError(`The MCP server ${JSON.stringify(this.#name)} did not connect within ${timeoutMs} ms.`);
        const exit = transport.exit();
        if (exit !== null && prior === undefined) continue;
        if (exit === null) throw thrown;
        throw new McpError(`The process of the MCP server ${JSON.stringify(this.#name)} ${exit} when it was started.`);
      }
    }
    throw new McpError(`The MCP server ${JSON.stringify(this.#name)} did not connect.`);
  }

  async #fetchList(live: Live): Promise<ListedTools> {
    const timeoutMs = this.#settings.connectTimeoutMs ?? LIMITS.mcpConnectMs.value;
    const signal = AbortSignal.timeout(timeoutMs);
    const listing = listTools(live.client, this.#name, { timeoutMs, signal, redact: live.redact });
    listing.catch(() => {});
    const tools = await untilAborted(signal, listing).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      throw new McpError(`The MCP server ${JSON.stringify(this.#name)} did not list its tools within ${timeoutMs} ms.`);
    });
    live.list = { at: performance.now(), tools };
    this.#failures = 0;
    return tools;
  }

  /** `pauses`: how many attempts have failed before, for the pause until the next one. */
  #failed(error: McpError, pauses = this.#failures + 1): void {
    this.#failures += 1;
    this.#problem = error;
    this.#retryAt = pauses === 0 ? 0 : performance.now() + backoffMs(RETRY, pauses);
  }

  /** Makes no further use of a connection. The uses in progress go on, and then it is closed. */
  #drop(live: Live): void {
    if (this.#live !== live) return;
    this.#live = null;
    this.#onChange(false);
    this.#lastErrors = live.redact(live.transport.errors());
    if (!this.#closed && performance.now() - live.connectedAt < STABLE_MS) {
      const closed = new McpError(`The MCP server ${JSON.stringify(this.#name)} closed the connection.`);
      this.#failed(closed, this.#failures);
    }
    if (live.uses === 0) void live.transport.close();
  }
}

function redacted({ message, retryable, mayHaveTakenEffect }: McpError, redact: (text: string) => string): McpError {
  return new McpError(redact(message), { retryable, mayHaveTakenEffect });
}
