import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from '../../../dev-server/find-program.ts';
import { sessionExportSchema } from '../../../contracts/session/session-export.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { converse } from '../../store/conversation.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { runCli, startInTerminal } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const database = embeddedDatabase();

let sessions = 0;

/** Creates a session with one message, and a name that a shell would split. */
async function newSession(): Promise<string> {
  const session = `my trip ${(sessions += 1)}`;
  await converse(database.db, { user: 'local', session }, 'm1', 'Where to?');
  return session;
}

const messagesOf = async (session: string) =>
  (await readSession(database.db, { user: 'local', session }))?.messages ?? null;

test('an export is one line of JSON, and imports from a file or a pipe, under its id or another', async () => {
  const { env } = await servedGateway(database.db);
  const [id, folder] = [await newSession(), await temporaryFolder()];
  const exported = await runCli(['export', id], env);
  expect([exported.code, exported.stderr]).toEqual([0, '']);
  expect(exported.stdout.split('\n')).toHaveLength(2);
  expect(sessionExportSchema.parse(JSON.parse(exported.stdout))).toMatchObject({ id, session: { messages: 1 } });

  const file = join(folder, 'trip.json');
  await writeFile(file, exported.stdout);
  const imported = await runCli(['import', file, '--as', `${id} again`], env);
  const json = await runCli(['import', file, '--as', 'as-json', '--json'], env);
  const piped = await runCli(['import', '-', '--as', 'piped'], env, exported.stdout);
  expect(imported).toEqual({
    code: 0,
    stdout: `Imported session ${id} again with 1 message. Continue it with: perdure chat '${id} again'\n`,
    stderr: '',
  });
  expect(JSON.parse(json.stdout)).toMatchObject({ id: 'as-json', messages: 1 });
  expect(piped.stdout).toBe('Imported session piped with 1 message. Continue it with: perdure chat piped\n');
  expect(await messagesOf('piped')).toBe(1);

  const again = await runCli(['import', file], env);
  expect(again).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('Import under another id') });
});

test('a file with a byte order mark is imported, and one that is not UTF-8 is refused', async () => {
  const { env } = await servedGateway(database.db);
  const [id, folder] = [await newSession(), await temporaryFolder()];
  const { stdout } = await runCli(['export', id], env);
  const [marked, latin1] = [join(folder, 'marked.json'), join(folder, 'latin1.json')];
  await writeFile(marked, `\uFEFF${stdout}`);
  await writeFile(latin1, Buffer.from('{"caf\u00e9": 1}', 'latin1'));
  expect(await runCli(['import', marked, '--as', 'marked'], env)).toMatchObject({ code: 0, stderr: '' });
  const refused = await runCli(['import', latin1], env);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(`${latin1} is not UTF-8.`) });
});

test('an archived session is restored without a message', async () => {
  const { env } = await servedGateway(database.db);
  const key = { user: 'local', session: await newSession() };
  await archiveSession(database.db, key);
  const refused = await runCli(['transcript', key.session], env);
  expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('perdure restore') });
  expect(await runCli(['restore', key.session], env)).toEqual({
    code: 0,
    stdout: `Session ${key.session} is active, with 1 message. Read it with: perdure transcript '${key.session}'\n`,
    stderr: '',
  });
  expect((await runCli(['transcript', key.session], env)).stdout).toContain('Where to?');
});

test('an export goes into a new file, and never over one that is there', async () => {
  const { env } = await servedGateway(database.db);
  const [id, folder] = [await newSession(), await temporaryFolder()];
  const [file, other] = [join(folder, 'trip.json'), join(folder, 'other.json')];
  const written = await runCli(['export', id, '--output', file], env);
  expect(written).toEqual({
    code: 0,
    stdout: `Exported session ${id} to ${file}. Import it with: perdure import ${file}\n`,
    stderr: '',
  });
  const before = await readFile(file, 'utf8');
  expect(JSON.parse(before)).toMatchObject({ id });
  // One after the other: a user may export one session at a time.
  const again = await runCli(['export', id, '-o', file], env);
  const json = await runCli(['export', id, '-o', other, '--json'], env);
  const nowhere = await runCli(['export', id, '-o', join(folder, 'none', 'trip.json')], env);
  const unknown = await runCli(['export', 'nope', '-o', join(folder, 'nope.json')], env);
  expect(again).toEqual({ code: 2, stdout: '', stderr: `${file} already exists. Choose another file.\n` });
  expect(await readFile(file, 'utf8')).toBe(before);
  expect(JSON.parse(json.stdout)).toEqual({ id, file: other });
  expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('no such directory')]);
  expect([unknown.code, unknown.stdout]).toEqual([4, '']);
  await expect(readFile(join(folder, 'nope.json'))).rejects.toThrow('ENOENT');
});

test('what is no export is refused with what is wrong, by the file’s name, and nothing is sent', async () => {
  const folder = await temporaryFolder();
  const refused = async (name: string, content: string | null) => {
    const file = join(folder, name);
    if (content !== null) await writeFile(file, content);
    // There is no gateway: the command must not need it.
    const { code, stdout, stderr } = await runCli(['import', file], { PERDURE_URL: 'http://127.0.0.1:1' });
    expect([name, code, stdout]).toEqual([name, 2, '']);
    return stderr.replace(file, 'FILE');
  };
  const [missing, broken, empty, other, list, newer] = await Promise.all([
    refused('missing.json', null),
    refused('broken.json', '{"format": "perdure.ses'),
    refused('empty.json', ''),
    refused('other.json', '{"name": "trip"}'),
    refused('list.json', '[]'),
    refused('newer.json', '{"format": "perdure.session", "version": 99}'),
  ]);
  expect(missing).toBe('No such file: FILE\n');
  expect(broken).toBe('FILE is not JSON. Create an export with: perdure export <session>\n');
  expect(empty).toBe(broken);
  expect(other).toBe('FILE is not an exported session. Create an export with: perdure export <session>\n');
  expect(list).toBe(other);
  expect(newer).toMatch(/has format version 99; this version of Perdure supports 1, [\d, ]+\. Update Perdure\.$/m);
  const folderItself = await runCli(['import', folder]);
  expect(folderItself).toMatchObject({ code: 2, stderr: `Cannot read ${folder}: it is a directory.\n` });
  const pipe = await runCli(['import', '-'], {}, 'no JSON');
  expect(pipe).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Standard input is not JSON/) });
});

test('an export that was tampered with is refused by the gateway, and leaves nothing behind', async () => {
  const { env } = await servedGateway(database.db);
  const id = await newSession();
  const document = JSON.parse((await runCli(['export', id], env)).stdout) as { tables: { events: unknown[] } };
  document.tables.events.pop();
  const { code, stderr } = await runCli(['import', '-', '--as', 'tampered'], env, JSON.stringify(document));
  expect([code, stderr]).toEqual([4, expect.stringContaining('is not an export that can be imported')]);
  expect(await messagesOf('tampered')).toBeNull();
});

test('delete says of a session that it is archived, and how it comes back', async () => {
  const { env } = await servedGateway(database.db);
  const key = { user: 'local', session: 'long talk' };
  for (const id of ['1', '2', '3', '4', '5', '6']) await converse(database.db, key, id, 'Where to?');
  expect((await runCli(['delete', key.session, '--yes'], env)).stdout).toBe(
    `Archived session long talk. A new message restores it: perdure chat 'long talk'\n`,
  );
});

test('delete removes a session and says so; one that is not there is refused', async () => {
  const { env } = await servedGateway(database.db);
  const [id, other] = [await newSession(), await newSession()];
  const [deleted, json] = await Promise.all([
    runCli(['delete', id, '--yes'], env),
    runCli(['delete', other, '--forget', '--json', '--yes'], env),
  ]);
  expect(deleted).toEqual({
    code: 0,
    stdout: `Deleted session ${id}. Only its usage is kept.\n`,
    stderr: '',
  });
  expect(JSON.parse(json.stdout)).toEqual({ id: other, removed: true, archived: false });
  expect([await messagesOf(id), await messagesOf(other)]).toEqual([null, null]);
  const [again, foreign, exported] = await Promise.all([
    runCli(['delete', id, '--yes'], env),
    runCli(['delete', await newSession(), '--yes', '--user', 'eve'], env),
    runCli(['export', id], env),
  ]);
  for (const refused of [again, foreign, exported]) {
    expect(refused).toMatchObject({ code: 4, stdout: '', stderr: expect.stringMatching(/^There is no session /) });
  }
});

test('without a terminal and without --yes nothing is deleted, and the remedy is named', async () => {
  const { env } = await servedGateway(database.db);
  const id = await newSession();
  for (const args of [
    ['delete', id],
    ['delete', id, '--forget'],
    ['clean', '--idle', '0s'],
  ]) {
    expect(await runCli(args, env)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'This command deletes, and there is no terminal to ask on. Add --yes.\n',
    });
  }
  expect(await messagesOf(id)).not.toBeNull();
});

test('on a terminal delete states what it would delete, and needs a yes', async ({ skip }) => {
  const python = findProgram('python3', process.env);
  if (python === null) return cannotRunHere(skip, 'no Python ("python3") on the PATH, which makes the terminal');
  const { env } = await servedGateway(database.db);
  const id = await newSession();
  const answered = async (args: string[], answer: string) => {
    const running = startInTerminal(python, ['delete', id, ...args], env);
    await running.shows('[y/N] ');
    running.type(answer);
    return await running.done;
  };
  const declined = await answered([], '\r');
  expect(declined.code).toBe(1);
  expect(declined.stdout).toMatch(/Delete session .* with 1 message\? It is archived first if its policy/);
  expect(declined.stdout).toContain('Nothing was deleted.');
  expect((await answered(['--forget'], '\u0004')).stdout).toContain('They cannot be restored. [y/N]');
  expect(await messagesOf(id)).not.toBeNull();
  expect((await answered([], 'y\r')).code).toBe(0);
  expect(await messagesOf(id)).toBeNull();
});

test('without a gateway all of them exit 3 and say how to start one', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'trip.json');
  await writeFile(file, '{"format": "perdure.session", "version": 1}');
  const commands = [
    ['export', 'a'],
    ['import', file],
    ['delete', 'a', '--yes'],
    ['providers'],
    ['clean', '--yes'],
    ['replay', 'a'],
  ];
  const results = await Promise.all(commands.map((args) => runCli(args, { PERDURE_URL: 'http://127.0.0.1:1' })));
  for (const result of results) {
    expect(result).toEqual({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/^No gateway is reachable at .*\. Start one with `perdure start`, .*\n$/),
    });
  }
});
