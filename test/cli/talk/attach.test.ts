import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createPerdure } from '../../../client/create-perdure.ts';
import { partOf } from '../../../client/attachments.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { PNG } from '../../support/files.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { echo, startFakeService } from '../fake-service.ts';

const database = embeddedDatabase();

async function receivedIn(session: string): Promise<unknown> {
  const { events } = await readEvents(database.db, { user: 'local', session }, { after: 0, limit: 10 });
  return events.find(({ type }) => type === 'message.received');
}

test('perdure send --attach uploads the files and sends them before the text', async () => {
  const { env } = await servedGateway(database.db);
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'dot.png'), PNG);
  await writeFile(join(folder, 'notes.txt'), 'Dear diary');
  const files = ['--attach', join(folder, 'dot.png'), '--attach', join(folder, 'notes.txt')];
  const { code, stderr } = await runCli(['send', '-s', 'cli', ...files, 'What is it?'], env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(await receivedIn('cli')).toMatchObject({
    content: 'What is it?',
    parts: [
      { type: 'image', name: 'dot.png', contentType: 'image/png', size: PNG.length },
      { type: 'file', name: 'notes.txt', contentType: 'text/plain', size: 10 },
      { type: 'text', text: 'What is it?' },
    ],
  });
  const { stdout } = await runCli(['transcript', 'cli'], env);
  expect(stdout).toContain(`> [dot.png (image/png, ${PNG.length} bytes)]\n> [notes.txt (text/plain, 10 bytes)]`);
});

test('a file that cannot be read is named with the reason, and nothing is sent', async () => {
  const { env } = await servedGateway(database.db);
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'empty'), '');
  for (const [path, reason] of [
    [join(folder, 'absent'), 'does not exist. Check the path.'],
    [join(folder, 'empty', 'below'), 'does not exist. Check the path.'],
    [folder, 'is not a file. Attach a file.'],
    [join(folder, 'empty'), 'is empty. Attach a file with content.'],
  ] as const) {
    const { code, stderr } = await runCli(['send', '-s', 'none', '--attach', path, 'Hi'], env);
    expect(code).toBe(2);
    expect(stderr).toContain(JSON.stringify(path));
    expect(stderr).toContain(reason);
  }
  expect(await receivedIn('none')).toBeUndefined();
});

test('/attach adds a file to the next message of a chat, and to no other', async () => {
  const attachment = { id: 'att_1', name: 'a b.txt', contentType: 'text/plain', size: 1_234, sha256: '' };
  const { gateway, env } = await startFakeService({
    refuse: ({ path }) => (path.startsWith('/v1/attachments') ? { status: 201, body: attachment } : undefined),
    reply: (emit, writer, runId) => echo(emit, writer, runId, 'x'),
  });
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a b.txt'), '"a"');
  const lines = ['/attach', `/attach '${join(folder, 'a b.txt')}'`, '/attach', 'first', 'second', '/quit'];
  const { stdout, stderr } = await runCli(['chat'], env, lines.join('\n'));
  await gateway.close();
  expect(stderr).toBe('');
  expect(stdout).toContain('No file attached. Type /attach FILE to attach one to the next message.');
  expect(stdout).toContain('Attached a b.txt (text/plain, 1,234 bytes) to the next message.');
  const sent = gateway.requests.filter(({ path }) => path.endsWith('/messages'));
  expect(sent.map(({ body }) => (body as { content: unknown }).content)).toEqual([
    [
      { type: 'file', attachmentId: 'att_1' },
      { type: 'text', text: 'first' },
    ],
    'second',
  ]);
});

test('the client uploads a stream, sends parts, and downloads a range', async () => {
  const { url } = await servedGateway(database.db);
  const perdure = createPerdure({ gateway: url, user: 'local' });
  const stream = new Blob(['0123456789']).stream();
  const attachment = await perdure.attachments.upload(stream, { name: 'digits.csv', contentType: 'text/csv' });
  expect(attachment).toMatchObject({ name: 'digits.csv', contentType: 'text/csv', size: 10 });
  await perdure.session('typed').send([{ type: 'text', text: 'Add.' }, partOf(attachment)]);
  expect(await receivedIn('typed')).toMatchObject({ parts: [{ type: 'text' }, { attachmentId: attachment.id }] });
  const part = await perdure.attachments.download(attachment.id, { range: { start: 2, end: 5 } });
  expect(await part.text()).toBe('234');
  const stolen = perdure.attachments.download(attachment.id, { user: 'another' });
  await expect(stolen).rejects.toMatchObject({ code: 'not_found' });
});
