import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { findProgram } from '../../dev-server/find-program.ts';
import { findTemporalServers } from '../../dev-server/find-temporal-servers.ts';
import { endProcess } from '../../dev-server/process-identity.ts';
import { probeLocalServers } from '../../models/directory/local-servers.ts';
import { codeBlocks, read, ROOT } from '../docs/documents.ts';
import { cannotRunHere } from '../support/cannot-run-here.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { tarball } from './installed.ts';
import { readersEnvironment, runShell, screenLines, startShell, type Shell, type ShellOptions } from './shell.ts';

const README = read('README.md');
const blocks = codeBlocks(README);
const LONG = { timeout: 400_000 };

test('the commands work in a fresh clone, on the Node of this machine', LONG, async ({ skip }) => {
  const files = await promisify(execFile)('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    maxBuffer: 16 * 1024 * 1024,
  }).then(
    ({ stdout }) => stdout.split('\0').filter((path) => path !== ''),
    () => cannotRunHere(skip, 'this is no git checkout, whose files a clone would have'),
  );
  const { python, ...options } = { ...(await readerOptions(skip)), cwd: await temporaryFolder() };
  for (const path of files) await cp(join(ROOT, path), join(options.cwd, path));

  const started = startGateway(commandOf('npm ci'), options);
  const url = await started.ready;
  const installation = started.shell.output().split(/^> perdure@/m, 1)[0] ?? '';
  expect(installation).not.toMatch(/EBADENGINE|deprecated/);
  expect(installation.split('\n').length).toBeLessThan(10);
  expect(started.shell.output()).toMatch(/^ +model +scripted\/demo /m);

  const inClone = { ...options, env: { ...options.env, PERDURE_URL: url } };
  const chat = chatBlock(README);
  expect(await typeChat(chat, { ...inClone, python })).toEqual(chat.map(withoutDuration));
  expect(chatBlock(read('cli/init/template/README.md'))).toEqual(chat);

  const doctor = await runShell(namedCommand('npx perdure doctor'), inClone);
  expect(doctor).toEqual({
    code: 0,
    output: expect.stringMatching(/^OK +Agents: assistant, researcher, tutor, in /m) as string,
  });

  const [, long = ''] = /Send `([^`]+)`/.exec(README) ?? [];
  const talk = startShell('npx perdure chat', { ...inClone, python });
  talk.type(`${long}\n`);
  await talk.until((output) => output.includes('2 3 4'));
  started.shell.signal('SIGKILL');
  await started.shell.ended;
  talk.signal('SIGKILL');
  const port = new URL(url).port;
  const again = startGateway('npm start', { ...options, env: { ...options.env, PERDURE_PORT: port } });
  expect(await again.ready).toBe(url);
  const watch = startShell(namedCommand('npx perdure watch'), { ...inClone, python });
  await watch.until((output) => /^1 2 3 .* 99 100 *\n {2}1 step /m.test(screenLines(output).join('\n')));
  const { output: transcript } = await runShell('npx perdure transcript main', inClone);
  expect(transcript.match(/99 100/g)).toHaveLength(1);
  watch.type('\u0003');
  await watch.ended;

  await stop(again.shell, options.cwd);
});

test('the commands and examples work with the packed packages in an empty folder', LONG, async ({ skip }) => {
  const { env } = await readerOptions(skip, dirname(process.execPath));
  const [tools, empty] = [await temporaryFolder(), await temporaryFolder()];
  // What `npm create` does first.
  const packed = `${tarball('create-perdure')} ${tarball('perdure')}`;
  expect(await runShell(`npm install ${packed}`, { env, cwd: tools })).toMatchObject({ code: 0 });
  const [create = '', enter = '', begin = ''] = blockWith('npm create perdure').trimEnd().split('\n');
  const created = await runShell(
    create.replace('npm create perdure', join(tools, 'node_modules/.bin/create-perdure')),
    { env, cwd: empty },
  );
  expect(created.code).toBe(0);
  expect(created.output).toContain(`\n  ${enter}\n  ${begin.replace(' && ', '\n  ')}\n`);

  const folder = join(empty, enter.replace(/^cd /, ''));
  const manifest = join(folder, 'package.json');
  const version = /"perdure": ".*"/;
  await writeFile(
    manifest,
    (await readFile(manifest, 'utf8')).replace(version, `"perdure": "file:${tarball('perdure')}"`),
  );
  for (const [name, content] of [
    ['agents/tutor.yaml', blockWith('name: tutor')],
    ['agents/gambler.ts', blockWith("name: 'gambler'")],
  ] as const) {
    await writeFile(join(folder, name), content);
  }
  const started = startGateway(`${enter}\n${begin}`, { env, cwd: empty }, folder);
  const url = await started.ready;
  expect(started.shell.output()).toMatch(/^ +agents +assistant, gambler, support, tutor$/m);
  const inProject = { cwd: folder, env: { ...env, PERDURE_URL: url } };
  expect(await runShell('npm run typecheck', inProject)).toMatchObject({ code: 0 });

  for (const agent of ['tutor', 'gambler']) {
    const throwDice = `npx perdure run --agent ${agent} '@tool=dice:{"sides":2} @then @echo="Thrown by ${agent}."'`;
    const { code, output } = await runShell(throwDice, inProject);
    expect(output).toContain(`Thrown by ${agent}.`);
    expect(code).toBe(0);
  }

  const snippet = blockWith('createPerdure({ gateway:');
  expect(snippet).toContain('http://127.0.0.1:4747');
  await writeFile(join(folder, 'talk.ts'), snippet.replace('http://127.0.0.1:4747', url));
  const talked = await runShell('node talk.ts', inProject);
  expect(talked.output.split('\n')).toEqual([
    "calculator { expression: '12 * 34' }",
    'The tool calculator says: {"value":408}',
    expect.stringMatching(/./) as string,
    '',
  ]);
  expect(talked.code).toBe(0);

  await stop(started.shell, folder);
});

async function readerOptions(
  skip: (reason: string) => never,
  node?: string,
): Promise<Omit<ShellOptions, 'cwd'> & { python: string }> {
  const env: NodeJS.ProcessEnv = { ...readersEnvironment(node), PERDURE_PORT: '0' };
  for (const program of ['bash', 'node', 'npm', 'python3']) {
    if (findProgram(program, env) === null) cannotRunHere(skip, `no ${program} on the PATH`);
  }
  // A model on this machine would answer in its own words.
  const hasModel = (await probeLocalServers(fetch)).some(({ models }) => models?.[0] !== undefined);
  if (hasModel) env['PERDURE_MODEL'] = 'scripted/demo';
  return { env, python: findProgram('python3', env) ?? '' };
}

/** Runs a command that starts a gateway with its data in `folder`. `ready` resolves with its URL. */
function startGateway(
  command: string,
  { env, cwd }: ShellOptions,
  folder = cwd,
): { shell: Shell; ready: Promise<string> } {
  onTestFinished(async () => {
    for (const server of temporalServers(folder)) await endProcess(server, 1_000);
  });
  const shell = startShell(command, { env, cwd });
  const ready = shell
    .until((output) => output.includes('Ctrl-C stops everything.'))
    .then(() => /^ +gateway +(\S+)$/m.exec(shell.output())?.[1] ?? '');
  return { shell, ready };
}

/** Presses Ctrl-C, and checks that nothing is left of a Perdure whose data are in `folder`. */
async function stop(shell: Shell, folder: string): Promise<void> {
  shell.signal('SIGINT');
  expect(await shell.ended).toBe(0);
  expect(shell.output()).toMatch(/^Stopped\.$/m);
  expect(shell.signal(0)).toBe(false);
  expect(temporalServers(folder)).toEqual([]);
}

function temporalServers(folder: string) {
  return findTemporalServers(join(folder, '.perdure'));
}

/** Types what a block shows after the prompt, and returns the screen. */
async function typeChat(block: readonly string[], options: ShellOptions): Promise<readonly string[]> {
  const [first = '', ...rest] = block;
  const chat = startShell(first.replace(/^\$ /, ''), options);
  let prompts = 0;
  for (const line of rest.filter((text) => text.startsWith('› '))) {
    prompts += 1;
    await chat.until((output) => {
      const lines = screenLines(output);
      return lines.at(-1) === '› ' && lines.filter((text) => text.startsWith('› ')).length === prompts;
    });
    chat.type(`${line.slice(2)}\n`);
  }
  expect(await chat.ended).toBe(0);
  return [first, ...screenLines(chat.output()).slice(0, -1)].map(withoutDuration);
}

function withoutDuration(line: string): string {
  return line.replace(/(?<=^ {2}\d+ steps .* · )[\d.,]+ m?s$/, 'DURATION');
}

/** The lines of the example chat of a document. */
function chatBlock(markdown: string): readonly string[] {
  const chats = codeBlocks(markdown).filter(({ code }) => code.startsWith('$ npx perdure chat\n'));
  expect(chats).toHaveLength(1);
  return (chats[0]?.code ?? '').trimEnd().split('\n');
}

/** The first command of README's first shell block that contains `text`, without the comment. */
function commandOf(text: string): string {
  const first = blocks.find(({ language }) => language === 'sh')?.code.split('\n')[0] ?? '';
  expect(first).toContain(text);
  return first.replace(/ +#.*$/, '');
}

/** The command in README's sentences that begins with `start`. */
function namedCommand(start: string): string {
  const command = [...README.matchAll(/`([^`\n]+)`/g)]
    .map(([, code = '']) => code)
    .find((code) => code.startsWith(start));
  expect(command).toBeDefined();
  return command ?? '';
}

function blockWith(text: string): string {
  const code = blocks.find((block) => block.code.includes(text))?.code;
  expect(code, `README's block with ${text}`).toBeDefined();
  return code ?? '';
}
