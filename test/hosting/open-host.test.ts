import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defineAgent } from '../../agents/define-agent.ts';
import { TemplateError } from '../../agents/templates/template-error.ts';
import { DataFolderInUseError } from '../../dev-server/data-lock.ts';
import { acquireDataLock } from '../../dev-server/index.ts';
import { openHost } from '../../hosting/open-host.ts';
import type { HostOptions } from '../../hosting/host-options.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const agents = [defineAgent({ name: 'ada', tools: ['clock'] })];

test('hosts of one process share the embedded store of a folder, which the last one closes', async () => {
  const dataDir = join(await temporaryFolder(), 'data');
  const first = await openHost({ dataDir, agents });
  const second = await openHost({ dataDir: `${dataDir}/`, agents });
  expect(second.db).toBe(first.db);
  expect(second.live).toBe(first.live);
  expect(second.telemetry).toBe(first.telemetry);
  await first.close();
  await first.close();
  expect(await second.db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await expect(acquireDataLock(dataDir)).rejects.toThrow(DataFolderInUseError);
  await second.close();
  (await acquireDataLock(dataDir)).release();
}, 30_000);

test('hosts of one process share a store in memory, which is empty again once the last one has closed it', async () => {
  const attachments = { store: 'folder', folder: 'never-made' } as const;
  const options = { inMemory: true, agents, deployment: { attachments } };
  const [first, second] = [await openHost(options), await openHost(options)];
  expect(second.db).toBe(first.db);
  expect(first.db.isInMemory).toBe(true);
  expect(first.db.places?.all).toEqual([]);
  await first.db.query('CREATE TABLE kept (one int)');
  await first.close();
  expect(await second.db.query('SELECT * FROM kept')).toEqual([]);
  await second.close();
  const third = await openHost(options);
  expect(await third.db.query("SELECT to_regclass('kept')::text AS kept")).toEqual([{ kept: null }]);
  await third.close();
}, 60_000);

test('an embedded store whose folder another owner has cannot be opened, and can be once it is free', async () => {
  const dataDir = await temporaryFolder();
  const lock = await acquireDataLock(dataDir);
  await expect(openHost({ dataDir, agents })).rejects.toThrow(DataFolderInUseError);
  lock.release();
  await (await openHost({ dataDir, agents })).close();
}, 30_000);

test('agents may be objects, which may name built-in tools', async () => {
  const dataDir = await temporaryFolder();
  const host = await openHost({ dataDir, agents });
  expect(host.agents.defaultAgent).toBe('ada');
  expect(host.agents.agent('ada')?.tools.map(({ name }) => name)).toEqual(['clock']);
  await host.close();
}, 30_000);

test.for<[string, Partial<HostOptions>, RegExp]>([
  ['no store', { dataDir: undefined }, /^Set exactly one of the options "databaseUrl" .*, "dataDir" .* and "inMemory"/],
  ['two stores', { databaseUrl: 'postgres://127.0.0.1:1/x' }, /^Set exactly one of the options "databaseUrl"/],
  ['a folder in memory', { inMemory: true }, /^Set exactly one of the options "databaseUrl"/],
  [
    'archives of a store in memory',
    { dataDir: undefined, inMemory: true, archivesDir: 'archives' },
    /^A store in memory writes no archives\. Leave out the option "archivesDir"/,
  ],
  ['no agents', { agents: [] }, /^The option "agents" is missing or empty/],
  [
    'an unknown field of the deployment',
    { deployment: { polcy: {} } as never },
    /option "deployment" is invalid: .*did you mean "policy"\?/,
  ],
])('%s is a TypeError that names the option', async ([, options, message]) => {
  const opening = openHost({ dataDir: 'never-made', agents, ...options });
  await expect(opening).rejects.toThrow(TypeError);
  await expect(opening).rejects.toThrow(message);
});

test('two agents of one name are refused, by their names', async () => {
  const opening = openHost({ dataDir: 'never-made', agents: [...agents, defineAgent({ name: 'ada' })] });
  await expect(opening).rejects.toThrow(TemplateError);
  await expect(opening).rejects.toThrow(/agents\[1\] .*the agent "ada" is also defined in agents\[0\]/);
});
