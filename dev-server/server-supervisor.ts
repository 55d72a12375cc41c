import { setTimeout as delay } from 'node:timers/promises';
import { PerdureError } from '../contracts/errors.ts';
import { listensOn } from './ports.ts';
import { isRunning, sendSignal } from './process-identity.ts';
import { openServerLog, type ServerLog } from './server-log.ts';
import { isDatabaseInterrupted, waitForTemporal } from './temporal-health.ts';
import { adoptTemporal, spawnTemporal, type TemporalProcess } from './temporal-process.ts';
import type { TemporalServer, TemporalServerEvent, TemporalServerOptions } from './temporal-server.ts';
import { settingsFingerprint, settingsOf } from './temporal-settings.ts';

const READY_TIMEOUT_MS = 30_000;
/** A server that exits while it starts is started again: it can lose one of the ports that it chooses itself to another process. */
const MAX_STARTS = 3;
/** Before it is looked again whether a server that responds is this one. */
const LOOK_MS = 50;
/** The server is not restarted after this many deaths within `DEATHS_WITHIN_MS`. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;
const FIRST_BACKOFF_MS = 100;
/** Between two looks at the server's database. It is restarted after so many looks in a row that find it interrupted. */
const LOOK_AT_DATABASE_MS = 3_000;
const MAX_INTERRUPTED = 3;

/** The addresses of a server, and its command line. */
export interface ServerEndpoint {
  readonly address: string;
  readonly uiUrl: string | null;
  readonly args: readonly string[];
}

/** Keeps one server running, as `startTemporalServer` describes. */
export class ServerSupervisor implements TemporalServer {
  readonly address: string;
  readonly uiUrl: string | null;
  restarts = 0;
  readonly #options: TemporalServerOptions;
  readonly #args: readonly string[];
  readonly #log: ServerLog;
  readonly #stopping = new AbortController();
  #process: TemporalProcess | undefined;
  #keepingRunning: Promise<void> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();
  /** Why this process has ended the server; null if it has not. */
  #endedFor: string | null = null;

  constructor(options: TemporalServerOptions, endpoint: ServerEndpoint) {
    this.address = endpoint.address;
    this.uiUrl = endpoint.uiUrl;
    this.#args = endpoint.args;
    this.#options = options;
    this.#log = openServerLog(options.dataDir, options.adopt === undefined);
  }

  get pid(): number {
    return this.#process?.identity.pid ?? 0;
  }

  async start(): Promise<void> {
    const { adopt } = this.#options;
    process.once('exit', this.#endWithProcess);
    try {
      if (adopt) this.#process = adoptTemporal(adopt);
      const ready = adopt ? await this.#ready() : await this.#firstStart();
      if (!ready) throw new PerdureError('temporal_unavailable', this.#failure('did not become ready'));
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#keepingRunning = this.#keepRunning();
    this.#watching = this.#watchDatabase();
  }

  /** False when the server is not ready in time, or has exited at each of its starts. */
  async #firstStart(): Promise<boolean> {
    for (let starts = 1; ; starts++) {
      await this.#spawn();
      if (await this.#ready()) return true;
      const hangs = this.#process && isRunning(this.#process.identity);
      if (hangs || this.#stopping.signal.aborted || starts === MAX_STARTS) return false;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#process?.end();
    await Promise.all([this.#keepingRunning, this.#watching]);
    process.off('exit', this.#endWithProcess);
    this.#log.close();
  }

  readonly #endWithProcess = (): void => {
    const identity = this.#process?.identity;
    if (identity && isRunning(identity)) sendSignal(identity.pid, 'SIGTERM');
  };

  async #keepRunning(): Promise<void> {
    const deaths: number[] = [];
    let downSince: number | undefined;
    for (;;) {
      const cause = await this.#process?.exited;
      if (this.#stopping.signal.aborted) return;
      const now = performance.now();
      downSince ??= now;
      deaths.push(now);
      this.#emit({ kind: 'died', pid: this.pid, cause: this.#endedFor ?? cause ?? 'unknown cause' });
      this.#endedFor = null;
      const recent = deaths.filter((at) => now - at < DEATHS_WITHIN_MS).length;
      if (recent >= MAX_DEATHS) {
        const failure = `died ${recent} times in ${DEATHS_WITHIN_MS / 1_000} s and is not restarted`;
        this.#emit({ kind: 'gave-up', reason: this.#failure(failure) });
        return;
      }
      if (!(await this.#restart(recent))) continue;
      this.restarts++;
      this.#emit({ kind: 'restarted', pid: this.pid, downMs: Math.round(performance.now() - downSince) });
      downSince = undefined;
    }
  }

  /** Ends a server that responds and whose database fails at every statement, so that it is restarted. */
  async #watchDatabase(): Promise<void> {
    const { isInterrupted = isDatabaseInterrupted, lookMs = LOOK_AT_DATABASE_MS } = this.#options;
    const { namespace } = settingsOf(this.#options);
    const { signal } = this.#stopping;
    let interrupted = 0;
    while (await delay(lookMs, true, { signal, ref: false }).catch(() => false)) {
      interrupted = (await isInterrupted(this.address, namespace, lookMs)) ? interrupted + 1 : 0;
      if (interrupted < MAX_INTERRUPTED || signal.aborted) continue;
      interrupted = 0;
      this.#endedFor = 'its database was interrupted';
      await this.#process?.end();
    }
  }

  /** Restarts the server: at once after the first death, then with exponential backoff. False when it died again or did not become ready. */
  async #restart(deaths: number): Promise<boolean> {
    if (deaths > 1) await pause(FIRST_BACKOFF_MS * 2 ** (deaths - 2), this.#stopping.signal);
    if (this.#stopping.signal.aborted) return false;
    try {
      await this.#spawn();
    } catch (error) {
      // The program is missing or cannot be executed. Counts as another death.
      this.#log.write(`The server could not be started: ${error instanceof Error ? error.message : String(error)}\n`);
      return false;
    }
    if (await this.#ready()) return true;
    await this.#process?.end();
    return false;
  }

  async #spawn(): Promise<void> {
    this.#process = await spawnTemporal(
      this.#options.binary,
      this.#args,
      this.#log.path ?? ((text) => this.#log.write(text)),
      this.#options.dataDir,
    );
    const { address, uiUrl } = this;
    const settings = settingsFingerprint(settingsOf(this.#options));
    const server = { ...this.#process.identity, address, uiUrl, binary: this.#options.binary, settings };
    this.#emit({ kind: 'spawned', server });
    // A concurrent stop() found no process to end.
    if (this.#stopping.signal.aborted) await this.#process.end();
  }

  async #ready(): Promise<boolean> {
    const exited = new AbortController();
    void this.#process?.exited.then(() => exited.abort());
    const signal = AbortSignal.any([exited.signal, this.#stopping.signal]);
    const { namespace } = settingsOf(this.#options);
    const giveUpAt = performance.now() + READY_TIMEOUT_MS;
    const port = Number(this.address.split(':').at(-1));
    for (;;) {
      if (!(await waitForTemporal(this.address, namespace, giveUpAt - performance.now(), signal))) return false;
      // The server of another process may have taken the port since it was chosen; this one then exits.
      if (listensOn(this.pid, port) !== false) return true;
      await pause(LOOK_MS, signal);
    }
  }

  #failure(what: string): string {
    const { path } = this.#log;
    return `The Temporal server at ${this.address} ${what}. Its last log lines${path === null ? '' : ` (${path})`}:\n${this.#log.tail()}`;
  }

  #emit(event: TemporalServerEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** Resolves after `ms`, or when `signal` aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
