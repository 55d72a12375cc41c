import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completeWords } from '../../cli/completion.ts';
import { createProgram } from '../../cli/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startFakeService } from './fake-service.ts';

/** What the shell offers after these words. The last one is the one to complete. */
function complete(words: readonly string[], env: Record<string, string> = {}) {
  return completeWords(
    createProgram(env, () => undefined),
    env,
    words,
    10_000,
  );
}

test('files complete the argument of import, and folders go on', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'session.json'), '');
  await mkdir(join(folder, 'sub'));
  const all = await complete(['import', `${folder}/s`]);
  expect(all?.toSorted()).toEqual([`${folder}/session.json`, `${folder}/sub/`, ':4'].toSorted());
  expect(await complete(['import', '--as', 'x', `${folder}/su`])).toEqual([`${folder}/sub/`, ':6']);
  expect(await complete(['import', 'package.j'])).toEqual(['package.json', ':4']);
  expect(await complete(['import', '/no/such/'])).toEqual([':6']);
});

test.each([
  ['watch', ''],
  ['session', 'm'],
  ['why', 'ma'],
  ['replay', '--speed', '2', ''],
  ['send', 'Hi', '--session', ''],
  ['send', 'Hi', '-s', ''],
])('sessions complete %s %s', async (...words) => {
  const { gateway, env } = await startFakeService();
  const found = await complete(words, env);
  const named = await complete(['--url', gateway.url, ...words]);
  await gateway.close();
  expect(found).toEqual(['main\tactive, assistant', ':4']);
  expect(named).toEqual(found);
  expect(await complete(words, env)).toEqual([':4']);
});

test('an operator is offered the sessions of the user that --of names', async () => {
  const { gateway, env } = await startFakeService();
  await complete(['transcript', '--of', 'bob', 'm'], env);
  await gateway.close();
  expect(gateway.requests.map(({ query }) => Object.fromEntries(query))).toEqual([
    { limit: '50', user: 'bob', idPrefix: 'm' },
  ]);
});

test.each([
  ['runs', 'main', ''],
  ['sessions', ''],
  ['watch', '--'],
  ['send', '--agent', ''],
  ['', ''],
])('what the definitions of the command line answer is theirs: %s %s', async (...words) => {
  const { gateway, env } = await startFakeService();
  expect(await complete(words, env)).toBeNull();
  await gateway.close();
  expect(gateway.requests).toEqual([]);
});
