import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtinTools } from '../../../agents/builtin-tools.ts';
import { createSendNote } from '../../../agents/tools/send-note.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { toolContext } from '../../support/tool-context.ts';

const linesOf = async (path: string): Promise<unknown[]> =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

test('each note is a line with the key of its call, in a folder made for it', async () => {
  const path = join(await temporaryFolder(), 'data', 'notes.jsonl');
  const tool = createSendNote({ path });
  await tool.execute({ text: 'one\ntwo' }, toolContext({ idempotencyKey: 'k-1' }));
  await tool.execute({ text: 'three' }, toolContext({ idempotencyKey: 'k-2' }));
  expect(await linesOf(path)).toMatchObject([
    { key: 'k-1', user: 'ada', text: 'one\ntwo' },
    { key: 'k-2', user: 'ada', text: 'three' },
  ]);
});

test('a note is not idempotent, so that a crash in its middle ends as unknown', () => {
  expect(createSendNote({ path: 'unused' })).toMatchObject({ idempotent: false, retry: { maxAttempts: 1 } });
});

test.each([
  ['PERDURE_NOTES', (folder: string) => ({ PERDURE_NOTES: join(folder, 'n.jsonl') }), 'n.jsonl'],
  ['PERDURE_DATA', (folder: string) => ({ PERDURE_DATA: folder }), 'notes.jsonl'],
])('%s says where notes go', async (_variable, env, file) => {
  const folder = await temporaryFolder();
  const tool = builtinTools(env(folder)).find(({ name }) => name === 'send_note');
  await tool?.execute({ text: 'hi' }, toolContext());
  expect(await linesOf(join(folder, file))).toMatchObject([{ text: 'hi' }]);
});
