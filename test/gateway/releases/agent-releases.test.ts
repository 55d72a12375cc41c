import { beforeAll, expect, test } from 'vitest';
import { agentReleaseReportSchema } from '../../../contracts/admin/agent-release.ts';
import { createGatewayClient } from '../../../client/http/gateway-client.ts';
import { saveAgentVersion } from '../../../store/runs/agent-versions.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { servedGateway, startGateway } from '../start-gateway.ts';

const database = embeddedDatabase();
const TOKENS = { tokens: 'b=bob,o=olga', operators: 'olga' };
const as = (token: string) => ({ authorization: `Bearer ${token}` });
const PATH = '/v1/agents/assistant/release';

beforeAll(async () => {
  await database.db.query('DELETE FROM perdure.agent_versions', []);
}, 60_000);

test('an operator holds an agent before a deploy, releases the next version to a share, and rolls it back, each in the audit trail', async () => {
  const { db } = database;
  const { call } = startGateway(db, TOKENS);
  const put = async (body: object) => {
    const response = await call('PUT', PATH, body, as('o'));
    return { status: response.status, body: (await response.json()) as { release?: unknown; detail?: string } };
  };
  await saveAgentVersion(db, { hash: 'v1', spec: { name: 'assistant' }, tools: [] });
  // Nothing to return to yet.
  expect(await put({ share: 0.1 })).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('no other version') },
  });
  expect(await put({ share: 0 })).toMatchObject({
    status: 200,
    body: { release: { base: 'v1', candidate: null, share: 0 } },
  });

  // The next version is deployed, also with the gateway.
  const next = { hash: 'v2', spec: { name: 'assistant' }, tools: [] };
  await saveAgentVersion(db, next);
  const directory = { defaultAgent: 'assistant', list: () => [next.spec], agent: () => next };
  const deployed = startGateway(db, { ...TOKENS, agents: directory });
  const request = async (method: string, path: string, body?: object) => {
    const response = await deployed.call(method, path, body, as('o'));
    expect(response.status).toBe(200);
    return agentReleaseReportSchema.parse(await response.json());
  };
  expect(await request('PUT', PATH, { share: 0.1 })).toMatchObject({
    release: { base: 'v1', candidate: 'v2', share: 0.1 },
    versions: expect.arrayContaining([expect.objectContaining({ version: 'v1', runs: 0, meanMs: null })]),
  });
  const salt = async () => (await db.query<{ salt: string }>('SELECT salt FROM perdure.agent_releases', []))[0]?.salt;
  const before = await salt();
  await request('PUT', PATH, { share: 0.5 });
  expect(await salt()).toBe(before);
  expect(await request('POST', '/v1/agents/assistant/rollback', {})).toMatchObject({
    release: { base: 'v1', candidate: 'v2', share: 0 },
  });
  expect(await request('PUT', PATH, { share: 1 })).toMatchObject({ release: null });
  // Also after the release has ended.
  expect(await request('POST', '/v1/agents/assistant/rollback', {})).toMatchObject({
    release: { base: 'v1', candidate: 'v2', share: 0 },
  });
  const audit = await call('GET', '/v1/audit?limit=50', undefined, as('o'));
  const { data } = (await audit.json()) as { data: { action: string; actor: string }[] };
  const acts = data.filter(({ action }) => action.startsWith('agent.'));
  expect(acts.map(({ action }) => action).toSorted()).toEqual([
    ...Array.from({ length: 5 }, () => 'agent.release'),
    'agent.rollback',
    'agent.rollback',
  ]);
  expect(new Set(acts.map(({ actor }) => actor))).toEqual(new Set(['olga']));
}, 60_000);

test('users who are no operators neither see nor change a release', async () => {
  const { call } = startGateway(database.db, TOKENS);
  expect((await call('GET', PATH, undefined, as('b'))).status).toBe(403);
  expect((await call('PUT', PATH, { share: 0.1 }, as('b'))).status).toBe(403);
  expect((await call('POST', '/v1/agents/assistant/rollback', {}, as('b'))).status).toBe(403);
  expect((await call('PUT', PATH, { share: 2 }, as('o'))).status).toBe(400);
  expect((await call('GET', '/v1/agents/nobody/release', undefined, as('o'))).status).toBe(404);
});

test('the command line and the client release an agent', async () => {
  const { url, env } = await servedGateway(database.db);
  const client = createGatewayClient({ url });
  await client.releaseAgent('assistant', { share: 1 });
  expect(await client.agentRelease('assistant')).toMatchObject({ agent: 'assistant', release: null, days: 7 });
  const released = await runCli(['agents', 'release', 'assistant', '--to', '25%', '--candidate', 'v1'], env);
  expect(released).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('assistant: 25% of users have v1, the others v2.'),
  });
  const wrong = await runCli(['agents', 'release', 'assistant', '--to', '250%'], env);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('from 0% to 100%') });
  expect(await client.rollBackAgent('assistant')).toMatchObject({ release: { share: 0 } });
}, 60_000);
