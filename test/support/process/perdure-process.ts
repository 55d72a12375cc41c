import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { endProcess, identityOf } from '../../../dev-server/process-identity.ts';
import { findTemporalServers } from '../../../dev-server/find-temporal-servers.ts';
import type { ScriptedLogLine } from '../../../models/scripted/scripted-log.ts';
import { NODE_FLAGS } from './node-flags.ts';
import type { Effect } from './process-agents/agents.ts';

const MAIN = fileURLToPath(new URL('../../../bin/perdure.js', import.meta.url));
const AGENTS = fileURLToPath(new URL('process-agents', import.meta.url));
/** The output of a process that is ready, with its address. */
const READY = {
  start: /^Perdure is ready\.\n +gateway +(\S+)$[^]*^Ctrl-C stops everything\.$/m,
  gateway: /^The gateway listens at (\S+)\.$/m,
  worker: /^The (worker) is ready/m,
} as const;
const INHERITED_ENV = ['PATH', 'HOME', 'XDG_CACHE_HOME', 'PERDURE_CACHE', 'PERDURE_TEMPORAL_BIN'];

type Env = Readonly<Record<string, string>>;

/** A folder with real `perdure` processes. The end of the test ends every remaining process. */
export interface PerdureHome {
  readonly dataDir: string;
  /** Resolves when the process is ready; rejects with its output when it ends before. */
  start(what?: keyof typeof READY, env?: Env): Promise<PerdureProcess>;
  /** Runs a process that is expected to fail until it ends. */
  fails(what?: keyof typeof READY, env?: Env): Promise<{ readonly code: number | null; readonly output: string }>;
  /** The effects of the tools of `process-agents`. */
  effects(): Effect[];
  /** The calls of scripted models that any process has started. */
  calls(): ScriptedLogLine[];
  /** Pids of the Temporal servers that use the data folder. */
  servers(): number[];
}

export interface PerdureProcess {
  readonly pid: number;
  /** URL of the gateway; meaningless for a worker. */
  readonly url: string;
  /** Epoch ms at which it was ready. */
  readonly readyAt: number;
  /** Its output so far. */
  output(): string;
  /** Resolves when its output matches; rejects when it ends before. */
  says(pattern: RegExp): Promise<void>;
  /** Resolves with the exit code when the process has ended; null after a signal. */
  readonly ended: Promise<number | null>;
  /** Kills the process with SIGKILL, but not its Temporal server; resolves when it has ended. */
  kill9(): Promise<void>;
  /** Sends SIGINT to the process group, like a terminal. Checks that the exit code is 0 and that no process remains. */
  stop(): Promise<void>;
}

/** `env` applies to every process of this home. Call it inside a test. Keeps the output of the processes when the test fails. */
export function perdureHome(env: Env = {}): PerdureHome {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-home-'));
  const dataDir = join(folder, 'data');
  const [effects, calls, said] = ['effects.jsonl', 'calls.jsonl', 'output.log'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const running = new Set<Running>();
  onTestFinished(async ({ task }) => {
    for (const one of running) await one.kill();
    for (const pid of servers(dataDir)) await endProcess(identityOf(pid), 1_000);
    if (task.result?.state === 'fail') console.error(`What the processes of the failed test said is in ${said}`);
    else rmSync(folder, { recursive: true, force: true });
  });
  const launch = (what: string, more: Env): Running => {
    const one = run(what, said, {
      ...Object.fromEntries(
        INHERITED_ENV.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
      ),
      PERDURE_DATA: dataDir,
      PERDURE_PORT: '0',
      PERDURE_AGENTS: AGENTS,
      PERDURE_MODEL: 'scripted/demo',
      PERDURE_SCRIPTED_LOG: calls,
      PERDURE_TEST_EFFECTS: effects,
      ...env,
      ...more,
    });
    running.add(one);
    void one.ended.then(() => running.delete(one));
    return one;
  };
  return {
    dataDir,
    async start(what = 'start', more = {}) {
      const one = launch(what, more);
      const match = await one.says(READY[what]);
      return processOf(one, match[1] ?? '', dataDir);
    },
    async fails(what = 'start', more = {}) {
      const one = launch(what, more);
      return { code: await one.ended, output: one.output() };
    },
    effects: () => linesOf<Effect>(effects),
    calls: () => linesOf<ScriptedLogLine>(calls),
    servers: () => servers(dataDir),
  };
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly output: () => string;
  readonly says: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly kill: () => Promise<void>;
}

function run(what: string, file: string, env: Env): Running {
  // Its own process group, like from a shell.
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, what], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Covers a test run that is aborted.
  const abandon = (): void => void child.kill('SIGKILL');
  process.once('exit', abandon);
  appendFileSync(file, `--- perdure ${what}, ${child.pid}\n`);
  let output = '';
  const looks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      appendFileSync(file, text);
      output += text;
      for (const look of looks) look();
    });
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('exit', abandon);
      resolve(code);
    });
  });
  return {
    child,
    ended,
    output: () => output,
    async says(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const match = pattern.exec(output);
        if (match !== null) resolve(match);
      };
      looks.add(look);
      look();
      void ended.then((code) => reject(new Error(`perdure ${what} ended with ${code}. It said:\n${output}`)));
      return promise.finally(() => looks.delete(look));
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function processOf({ child, ended, output, says, kill }: Running, url: string, dataDir: string): PerdureProcess {
  const { pid = 0 } = child;
  return {
    pid,
    url,
    readyAt: Date.now(),
    output,
    says: async (pattern) => void (await says(pattern)),
    ended,
    kill9: kill,
    async stop() {
      process.kill(-pid, 'SIGINT');
      expect({ code: await ended, groupLives: groupLives(pid), servers: servers(dataDir) }).toEqual({
        code: 0,
        groupLives: false,
        servers: [],
      });
    },
  };
}

function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

function servers(dataDir: string): number[] {
  return existsSync(dataDir) ? findTemporalServers(dataDir).map(({ pid }) => pid) : [];
}

function linesOf<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}
