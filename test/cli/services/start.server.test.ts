import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findTemporalServers } from '../../../dev-server/find-temporal-servers.ts';
import { goScript, stubMachine } from '../../dev-server/stub-programs.ts';
import { runCli, startCli } from '../../support/process/run-cli.ts';
import { temporalBinary } from '../../support/temporal/temporal-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const TEMPORAL = { PERDURE_TEMPORAL_PORT: '0', PERDURE_PORT: '0' };

test('while the Temporal server starts, the agents are loaded and the store is opened', async () => {
  const folder = await temporaryFolder();
  const released = join(folder, 'released');
  const program = join(folder, 'temporal');
  const hold = `[ "$1" = server ] && until [ -e ${released} ]; do sleep 0.1; done`;
  await writeFile(program, `#!/bin/sh\n${hold}\nexec ${await temporalBinary()} "$@"\n`, { mode: 0o755 });
  const running = startCli(['start'], {
    PERDURE_AGENTS: await agents('name: assistant\nmodel: scripted/demo\n'),
    PERDURE_TEMPORAL_BIN: program,
    PERDURE_DATA: join(folder, 'data'),
    ...TEMPORAL,
  });
  await running.shows('Waiting for the Temporal server…');
  await writeFile(released, '');
  await running.shows('Ctrl-C stops everything.');
  running.signal('SIGTERM');
  const { code, stdout } = await running.done;
  expect(code).toBe(0);
  expect(stdout.match(/^\w.*…$/gm)).toEqual([
    'Starting the Temporal server…',
    'Loading the agents…',
    'Looking for a model…',
    'Opening the embedded store…',
    'Waiting for the Temporal server…',
    'Starting the worker…',
    'Starting the gateway…',
  ]);
}, 120_000);

test('an invalid agent ends the start, and the Temporal server that it began to start', async () => {
  const dataDir = join(await temporaryFolder(), 'data');
  const { code, stderr } = await runCli(['start'], {
    PERDURE_AGENTS: await agents('name: ['),
    PERDURE_TEMPORAL_BIN: await temporalBinary(),
    PERDURE_DATA: dataDir,
    ...TEMPORAL,
  });
  expect(code).not.toBe(0);
  expect(stderr).toContain('assistant.yaml');
  expect(findTemporalServers(dataDir)).toEqual([]);
}, 120_000);

test('an invalid agent is reported before a Temporal server is downloaded or built', async () => {
  const machine = await stubMachine();
  await machine.install('go', goScript());
  const { code, stderr } = await runCli(['start'], {
    ...machine.env,
    PERDURE_AGENTS: await agents('name: ['),
    PERDURE_DATA: join(await temporaryFolder(), 'data'),
    ...TEMPORAL,
  });
  expect(code).not.toBe(0);
  expect(stderr).toContain('assistant.yaml');
  expect(await machine.calls()).toEqual([]);
}, 120_000);

async function agents(template: string): Promise<string> {
  const folder = join(await temporaryFolder(), 'agents');
  await mkdir(folder);
  await writeFile(join(folder, 'assistant.yaml'), template);
  return folder;
}
