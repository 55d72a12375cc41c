import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PERDURE = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url));
const READY = /^The (?:worker is ready|gateway listens)/m;
const START_AGAIN_MS = 500;
const STOP_MS = 60_000;

/** A `perdure worker` or `perdure gateway` that is started again when it ends, like a container. */
export class Program {
  /** Such as `worker 1`. */
  readonly name: string;
  readonly #what: 'worker' | 'gateway';
  readonly #env: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #expected = false;
  /** How often it has ended by itself after it was ready. */
  endedByItself = 0;

  /** Its output is appended to a file in `folder`. */
  constructor(what: 'worker' | 'gateway', number: number, env: Readonly<Record<string, string>>, folder: string) {
    this.name = `${what} ${number}`;
    this.#what = what;
    this.#env = env;
    this.#folder = folder;
    this.#log = createWriteStream(join(folder, `${what}-${number}.log`), { flags: 'a' });
  }

  /** Of the process that runs now. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it until it is ready: what it needs may be away. */
  async start(): Promise<void> {
    this.#expected = false;
    while (!(await this.#launch())) {
      if (this.#expected) return;
      await delay(START_AGAIN_MS);
    }
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it as a deploy does. Resolves with whether it has ended with code 0. */
  async stop(): Promise<boolean> {
    const child = this.#child;
    const kill = setTimeout(() => child?.kill('SIGKILL'), STOP_MS);
    await this.#end('SIGTERM');
    clearTimeout(kill);
    return child?.exitCode === 0;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#expected = true;
    const child = this.#child;
    if (!child || hasEnded(child)) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Resolves with whether it is ready; false when it ends before. */
  async #launch(): Promise<boolean> {
    const child = spawn(process.execPath, [PERDURE, this.#what], {
      env: this.#env,
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const abandon = () => void child.kill('SIGKILL');
    process.once('exit', abandon);
    this.#log.write(`--- perdure ${this.#what}, ${child.pid}, ${new Date().toISOString()}\n`);
    return new Promise((resolve) => {
      let isReady = false;
      let output = '';
      const take = (text: string) => {
        this.#log.write(text);
        if (isReady) return;
        output += text;
        isReady = READY.test(output);
        if (isReady) resolve(true);
      };
      child.stdout.setEncoding('utf8').on('data', take);
      child.stderr.setEncoding('utf8').on('data', take);
      child.once('exit', (code) => {
        process.off('exit', abandon);
        resolve(false);
        if (!isReady || this.#expected) return;
        this.#log.write(`--- ended by itself with ${code}, ${new Date().toISOString()}\n`);
        this.endedByItself += 1;
        void this.start();
      });
    });
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
