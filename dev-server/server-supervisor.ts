import { PerdureError } from '../contracts/errors.ts';
import { isRunning, sendSignal } from './process-identity.ts';
import { openServerLog, type ServerLog } from './server-log.ts';
import { waitForTemporal } from './temporal-health.ts';
import { adoptTemporal, spawnTemporal, type TemporalProcess } from './temporal-process.ts';
import type { TemporalServer, TemporalServerEvent, TemporalServerOptions } from './temporal-server.ts';
import { settingsFingerprint, settingsOf } from './temporal-settings.ts';

const READY_WITHIN_MS = 30_000;
/** So many deaths within that time, and it is left down. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;
const FIRST_BACKOFF_MS = 100;

/** Where a server listens, and the arguments that say so. */
export interface ServerEndpoint {
  readonly address: string;
  readonly uiUrl: string | null;
  readonly args: readonly string[];
}

/** Keeps one server running; see `start-temporal-server.ts` for what it promises. */
export class ServerSupervisor implements TemporalServer {
  readonly address: string;
  readonly uiUrl: string | null;
  restarts = 0;
  readonly #options: TemporalServerOptions;
  readonly #args: readonly string[];
  readonly #log: ServerLog;
  readonly #stopping = new AbortController();
  #process: TemporalProcess | undefined;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: TemporalServerOptions, place: ServerEndpoint) {
    this.address = place.address;
    this.uiUrl = place.uiUrl;
    this.#args = place.args;
    this.#options = options;
    this.#log = openServerLog(options.dataDir, options.adopt === undefined);
  }

  get pid(): number {
    return this.#process?.identity.pid ?? 0;
  }

  async start(): Promise<void> {
    const { adopt } = this.#options;
    process.once('exit', this.#endWithUs);
    try {
      if (adopt) this.#process = adoptTemporal(adopt);
      else await this.#spawn();
      if (!(await this.#ready())) throw new PerdureError('temporal_unavailable', this.#failure('did not get ready'));
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#watching = this.#keepRunning();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#process?.end();
    await this.#watching;
    process.off('exit', this.#endWithUs);
    this.#log.close();
  }

  readonly #endWithUs = (): void => {
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
      this.#tell({ kind: 'died', pid: this.pid, cause: cause ?? 'unknown cause' });
      const recent = deaths.filter((at) => now - at < DEATHS_WITHIN_MS).length;
      if (recent >= MAX_DEATHS) {
        const times = `died ${recent} times in ${DEATHS_WITHIN_MS / 1_000} s and stays down`;
        this.#tell({ kind: 'gave-up', reason: this.#failure(times) });
        return;
      }
      if (!(await this.#comeBack(recent))) continue;
      this.restarts++;
      this.#tell({ kind: 'restarted', pid: this.pid, downMs: Math.round(performance.now() - downSince) });
      downSince = undefined;
    }
  }

  /** The first time at once, then after a pause that doubles. False when it died again, or did not get ready and was ended. */
  async #comeBack(deaths: number): Promise<boolean> {
    if (deaths > 1) await pause(FIRST_BACKOFF_MS * 2 ** (deaths - 2), this.#stopping.signal);
    if (this.#stopping.signal.aborted) return false;
    try {
      await this.#spawn();
    } catch (error) {
      // The program is gone or cannot be run; counted as one more death.
      this.#log.write(`The server could not be started: ${error instanceof Error ? error.message : String(error)}\n`);
      return false;
    }
    if (await this.#ready()) return true;
    await this.#process?.end();
    return false;
  }

  async #spawn(): Promise<void> {
    this.#process = await spawnTemporal(this.#options.binary, this.#args, this.#log.path);
    const { address, uiUrl } = this;
    const settings = settingsFingerprint(settingsOf(this.#options));
    const server = { ...this.#process.identity, address, uiUrl, binary: this.#options.binary, settings };
    this.#tell({ kind: 'spawned', server });
    // A stop during the start finds no process to end.
    if (this.#stopping.signal.aborted) await this.#process.end();
  }

  #ready(): Promise<boolean> {
    const gone = new AbortController();
    void this.#process?.exited.then(() => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    return waitForTemporal(this.address, settingsOf(this.#options).namespace, READY_WITHIN_MS, signal);
  }

  #failure(what: string): string {
    return `The Temporal server at ${this.address} ${what}. Its last words (${this.#log.path}):\n${this.#log.tail()}`;
  }

  #tell(event: TemporalServerEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** Resolves after `ms`, or when `signal` aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
