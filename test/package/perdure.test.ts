import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { installProject, typeCheck, withoutNpm, type InstalledProject } from './installed.ts';

const run = promisify(execFile);
let project: InstalledProject;

beforeAll(async () => {
  project = await installProject('backend', ['perdure'], ['@types/node@24']);
});
afterAll(() => project?.[Symbol.asyncDispose]());

test('a backend in TypeScript, one in JavaScript and an agent compile against the installed package', async () => {
  expect(await typeCheck(project.folder, ['backend.ts', 'talk.js', 'agents/counter.ts'])).toBe('');
});

test('every entry point can be imported', async () => {
  const names = ['', '/agents', '/worker', '/gateway', '/testing', '/contracts'].map((path) => `perdure${path}`);
  const code = `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).join(' '))`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: project.folder });
  expect(stdout).toMatch(/^perdure .*\bcreatePerdure\b/m);
  expect(stdout).toMatch(
    /^perdure\/agents .*\bdefineAgent .*\bdefineContextProvider defineHistoryProvider defineMiddleware defineTool\b/m,
  );
  expect(stdout).toMatch(/^perdure\/worker createWorker encryptionCodec$/m);
  expect(stdout).toMatch(/^perdure\/gateway createGateway serveGateway$/m);
  expect(stdout).toMatch(/^perdure\/testing .*\bstartPerdure\b/m);
  expect(stdout).toMatch(/^perdure\/contracts .*\bLIMITS\b/m);
});

test('the version is that of the package', async () => {
  const { stdout } = await run('npx', ['perdure', '--version'], { cwd: project.folder, env: environment() });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('npx perdure start runs agents in TypeScript, answers the installed client, and ends with Ctrl-C', async () => {
  const started = start();
  const url = await started.ready;
  const message = '@tool=count_letters:{"word":"seven"} @then @echo="five letters"';
  const { stdout } = await run(process.execPath, ['talk.js', url, message], { cwd: project.folder });
  expect(stdout.split('\n')).toEqual([
    'tool.completed {"letters":5,"attempt":1}',
    'answer five letters',
    'receipt same',
    'error not_found',
    '',
  ]);
  signal(started.child, 'SIGINT');
  // npx itself is killed by the signal. Its child is what matters; its output ends last.
  await started.ended;
  expect(started.output()).toMatch(/^Stopped\.$/m);
  expect(signal(started.child, 0)).toBe(false);
});

function environment(): NodeJS.ProcessEnv {
  const { PERDURE_AGENTS: _agents, OPENAI_API_KEY: _key, OPENAI_BASE_URL: _url, ...env } = withoutNpm(process.env);
  return { ...env, PERDURE_PORT: '0', PERDURE_MODEL: 'scripted/demo' };
}

/** Signals a process group; false if none of its processes is running. */
function signal({ pid = 0 }: ChildProcess, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, name);
  } catch {
    return false;
  }
}

interface Started {
  readonly child: ChildProcess;
  /** The gateway's URL; rejects if the process ends before it is ready. */
  readonly ready: Promise<string>;
  readonly ended: Promise<number | null>;
  output(): string;
}

function start(): Started {
  // A process group, as a shell creates it; Ctrl-C signals the whole group.
  const child = spawn('npx', ['perdure', 'start'], { cwd: project.folder, env: environment(), detached: true });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    signal(child, 'SIGKILL');
    await ended;
  });
  let output = '';
  const ready = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const url = /^ +gateway +(\S+)$/m.exec(output)?.[1];
        if (url !== undefined && output.includes('Ctrl-C stops everything.')) resolve(url);
      });
    }
    void ended.then((code) => reject(new Error(`perdure start ended with ${code}:\n${output}`)));
  });
  return { child, ready, ended, output: () => output };
}
