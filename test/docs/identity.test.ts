import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { deploymentSchema } from '../../contracts/deployment.ts';
import { isApiKey } from '../../core/identity/api-key-format.ts';
import { openStore } from '../../store/open-store.ts';
import { servedGateway } from '../gateway/start-gateway.ts';
import { runCli } from '../support/process/run-cli.ts';
import { codeBlocks, read } from './documents.ts';

const blocks = codeBlocks(read('docs/identity.md'));

/** A line of the page without its command substitution, as arguments. */
function argumentsOf(beginning: string): string[] {
  const lines = blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.split('\n'));
  const line = lines.find((one) => one.includes(beginning)) ?? '';
  const [, command = ''] = /perdure ([^)]*)/.exec(line) ?? [];
  return command.split(' ').filter((word) => word !== '');
}

test('the first key is created on the store as docs/identity.md shows, and manages the others through a gateway', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-identity-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const first = await runCli(argumentsOf('--role operator'), { PERDURE_DATA: folder });
  const key = first.stdout.trim();
  expect([isApiKey(key), first.stderr]).toEqual([true, expect.stringContaining('It is not shown again.')]);

  const yaml = blocks.find(({ language }) => language === 'yaml')?.code ?? '';
  const deployment = deploymentSchema.parse(parse(yaml));
  const db = await openStore({ dataDir: folder });
  onTestFinished(() => db.close());
  const { env } = await servedGateway(db, { deployment });
  const cli = async (args: string[]) => await runCli(args, { ...env, PERDURE_TOKEN: key });
  const second = await cli(argumentsOf('--for ann'));
  expect(isApiKey(second.stdout.trim())).toBe(true);
  const [list, verified] = await Promise.all([cli(argumentsOf('keys list')), cli(argumentsOf('audit verify'))]);
  expect(list.stdout).toMatch(/^\S{36} +perdure_\w{4}… +ann +user +laptop +never +/m);
  expect(list.stdout).toMatch(/ olga +operator /);
  const [, id = ''] = /^(\S{36}) .* ann /m.exec(list.stdout) ?? [];
  expect(verified).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^The audit trail is intact: \d entries\.\n/),
  });
  const revoked = await cli([...argumentsOf('keys revoke').slice(0, 2), id]);
  expect(revoked.stdout).toBe(`Revoked the API key ${id} of ann. Gateways refuse it within 5 seconds.\n`);
  await db.query(
    `ALTER TABLE perdure.audit DISABLE TRIGGER USER; UPDATE perdure.audit SET actor = 'eve' WHERE seq = 1`,
  );
  const broken = await cli(argumentsOf('audit verify'));
  expect(broken).toMatchObject({ code: 1, stdout: expect.stringContaining('The audit trail is broken at entry 1: ') });
}, 60_000);
