import { expect, test } from 'vitest';
import { findProgram } from '../../../dev-server/find-program.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { runCli, startInTerminal } from '../../support/process/run-cli.ts';
import { startFakeService } from '../fake-service.ts';

test('the beginning of an id names a session to read, and none to end or to delete without a question', async () => {
  const { gateway, env } = await startFakeService();
  const read = await runCli(['session', 'ma', '--json'], env);
  const ended = await runCli(['end', 'ma'], env);
  const deleted = await runCli(['delete', 'ma', '--yes'], env);
  await gateway.close();
  expect(JSON.parse(read.stdout)).toMatchObject({ id: 'main' });
  const refused = 'There is no session "ma". This command takes the whole id of a session, such as:\n  main\n';
  expect([ended, deleted]).toEqual([
    { code: 4, stdout: '', stderr: refused },
    { code: 4, stdout: '', stderr: refused },
  ]);
  const changes = gateway.requests.filter(({ method }) => method !== 'GET');
  expect(changes.map(({ path }) => path)).toEqual(['/v1/sessions/ma/end', '/v1/sessions/ma']);
}, 60_000);

test('delete asks with the whole id', async ({ skip }) => {
  const python = findProgram('python3', process.env);
  if (python === null) return cannotRunHere(skip, 'no Python ("python3") on the PATH, which makes the terminal');
  const { gateway, env } = await startFakeService();
  const deleting = startInTerminal(python, ['delete', 'ma'], env);
  await deleting.shows('Delete session main with 1 message?');
  deleting.type('n\n');
  expect((await deleting.done).stdout).toContain('Nothing was deleted.');
  await gateway.close();
  expect(gateway.requests.some(({ method }) => method === 'DELETE')).toBe(false);
}, 60_000);
