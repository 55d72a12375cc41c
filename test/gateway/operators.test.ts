import { beforeAll, expect, test } from 'vitest';
import { auditPageSchema, type AuditEntry } from '../../contracts/admin/audit.ts';
import { runDetailSchema } from '../../contracts/session/run.ts';
import { createGatewayClient } from '../../client/http/gateway-client.ts';
import { deleteOldAudit } from '../../store/admin/audit/delete-old-audit.ts';
import { saveAgentVersion } from '../../store/runs/agent-versions.ts';
import { converse, pin } from '../store/conversation.ts';
import { runCli } from '../support/process/run-cli.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { servedGateway, startGateway } from './start-gateway.ts';

const database = embeddedDatabase();
const key = { user: 'bob', session: 'trip' };
const TOKENS = { tokens: 'b=bob,e=eve,o=olga', operators: 'olga' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
let runId: string;

beforeAll(async () => {
  await saveAgentVersion(database.db, { hash: pin().hash, spec: { name: 'assistant' }, tools: [] });
  await converse(database.db, key, 'm1', 'Where to?');
  const [run] = await database.db.query<{ run_id: string }>('SELECT run_id FROM perdure.runs WHERE user_id = $1', [
    'bob',
  ]);
  runId = (run as { run_id: string }).run_id;
}, 60_000);

async function audited(query: string, token = 'o'): Promise<AuditEntry[]> {
  const { call } = startGateway(database.db, TOKENS);
  const response = await call('GET', `/v1/audit?${query}`, undefined, bearer(token));
  expect(response.status).toBe(200);
  return auditPageSchema.parse(await response.json()).data;
}

/** The users whose data the entries concern that a token shows; null for all users. */
async function usersShown(query: string, token: string): Promise<Set<string | null>> {
  return new Set((await audited(query, token)).map(({ user }) => user));
}

const reads = () =>
  [
    ['session.read', 'GET', '/v1/sessions/trip'],
    ['events.read', 'GET', '/v1/sessions/trip/events?limit=10'],
    ['transcript.read', 'GET', '/v1/sessions/trip/transcript'],
    ['message.read', 'GET', '/v1/sessions/trip/messages/m1'],
    ['export.read', 'GET', '/v1/sessions/trip/export'],
    ['runs.list', 'GET', '/v1/sessions/trip/runs'],
    ['run.read', 'GET', `/v1/sessions/trip/runs/${runId}`],
    ['why.read', 'GET', '/v1/sessions/trip/why'],
    ['why.read', 'GET', `/v1/sessions/trip/runs/${runId}/why`],
    ['why.read', 'GET', `/v1/runs/${runId}/why`],
    ['context.read', 'GET', `/v1/sessions/trip/runs/${runId}/steps/last/context`],
    ['context.read', 'GET', `/v1/runs/${runId}/steps/last/context`],
    ['run.cancel', 'POST', `/v1/sessions/trip/runs/${runId}/cancel`],
  ] as const;

test('an operator reads, explains and cancels another user’s session, and each is in the audit trail', async () => {
  const { call } = startGateway(database.db, TOKENS);
  for (const [action, method, path] of reads()) {
    const target = `${path}${path.includes('?') ? '&' : '?'}user=bob`;
    const headers = { ...bearer('o'), accept: 'application/json' };
    const response = await call(method, target, method === 'POST' ? {} : undefined, headers);
    expect([path, response.status]).toEqual([path, 200]);
    const [newest] = await audited('limit=1');
    expect([path, newest]).toEqual([
      path,
      {
        id: expect.any(String),
        at: expect.any(String),
        actor: 'olga',
        action,
        user: 'bob',
        sessionId: path.includes('/sessions/') ? 'trip' : null,
        runId: path.includes(runId) ? runId : null,
        subject: null,
        seq: expect.any(Number),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        previousHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  }
});

test('an operator who acts for another user sees what the provider reported; the owner does not', async () => {
  const { db } = database;
  await db.query(`UPDATE perdure.model_calls SET provider_message = 'too long' WHERE run_id = $1`, [runId]);
  const { call } = startGateway(db, TOKENS);
  const reported = async (query: string, token: string) => {
    const response = await call('GET', `/v1/sessions/trip/runs/${runId}${query}`, undefined, bearer(token));
    return runDetailSchema.parse(await response.json()).modelCalls.map(({ providerMessage }) => providerMessage);
  };
  expect(await reported('?user=bob', 'o')).toEqual(['too long']);
  expect(await reported('', 'b')).toEqual([null]);
});

test('others are refused, and without `user` an operator has only sessions of their own; neither is audited', async () => {
  const { call } = startGateway(database.db, TOKENS);
  const before = await audited('limit=200');
  for (const [, method, path] of reads()) {
    const target = `${path}${path.includes('?') ? '&' : '?'}user=bob`;
    const body = method === 'POST' ? {} : undefined;
    expect((await call(method, target, body, bearer('e'))).status).toBe(403);
    expect((await call(method, path, body, bearer('o'))).status).toBe(404);
    expect((await call(method, target, body, { ...bearer('b'), accept: 'application/json' })).status).toBe(200);
  }
  expect(await audited('limit=200')).toEqual(before);
});

test('`user` is refused where operators may not act: they cannot send, change, end or delete for others', async () => {
  const { call } = startGateway(database.db, TOKENS);
  for (const [method, path, body] of [
    ['PATCH', '/v1/sessions/trip', { metadata: { a: 1 } }],
    ['POST', '/v1/sessions/trip/end', {}],
    ['DELETE', '/v1/sessions/trip', undefined],
  ] as const) {
    const response = await call(method, `${path}?user=bob`, body, bearer('o'));
    expect([path, response.status]).toEqual([path, 400]);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining('no query parameter "user"') });
    expect([path, (await call(method, path, body, bearer('o'))).status]).toEqual([path, 404]);
  }
});

test('lists, reports and budgets of others are audited, of all users with no user', async () => {
  const { call } = startGateway(database.db, TOKENS);
  for (const [action, user, path] of [
    ['sessions.list', 'bob', '/v1/sessions?user=bob'],
    ['sessions.list', null, '/v1/sessions?all=true'],
    ['runs.list', null, '/v1/runs?all=true'],
    ['stats.read', 'bob', '/v1/stats?user=bob'],
    ['usage.read', null, '/v1/usage?by=user'],
    ['budget.read', 'bob', '/v1/budget?user=bob'],
    ['sweeps.list', 'bob', '/v1/maintenance/sweeps?user=bob'],
  ] as const) {
    expect((await call('GET', path, undefined, bearer('o'))).status).toBe(200);
    expect(await audited('limit=1')).toMatchObject([{ actor: 'olga', action, user }]);
  }
  await call('PUT', '/v1/budget', { user: 'bob', dailyUsd: 1 }, bearer('o'));
  expect(await audited('limit=1')).toMatchObject([{ action: 'budget.set', user: 'bob' }]);
});

test('a user sees the entries about their own data and about all users, and nothing of others', async () => {
  expect(await usersShown('', 'b')).toEqual(new Set(['bob', null]));
  expect(await usersShown('', 'e')).toEqual(new Set([null]));
  const { call } = startGateway(database.db, TOKENS);
  expect((await call('GET', '/v1/audit?user=bob', undefined, bearer('e'))).status).toBe(403);
});

test('the audit trail has pages, and filters by operator, action, session and day', async () => {
  const { call } = startGateway(database.db, TOKENS);
  const first = auditPageSchema.parse(await (await call('GET', '/v1/audit?limit=2', undefined, bearer('o'))).json());
  const [third] = await audited(`limit=1&cursor=${first.nextCursor}`);
  expect((await audited('limit=3')).at(-1)).toEqual(third);
  expect(await audited('actor=nobody')).toEqual([]);
  expect((await audited('action=run.cancel')).map(({ action }) => action)).toEqual(['run.cancel']);
  expect(new Set((await audited('session=trip')).map(({ sessionId }) => sessionId))).toEqual(new Set(['trip']));
  expect(await audited('to=2020-01-01')).toEqual([]);
});

test('entries older than 400 days are deleted', async () => {
  const { db } = database;
  await db.query(
    `INSERT INTO perdure.audit (audit_id, at, actor, action)
     VALUES ('old', now() - interval '401 days', 'x', 'runs.list'), ('kept', now() - interval '399 days', 'x', 'runs.list')`,
    [],
  );
  await deleteOldAudit(db);
  expect((await audited('actor=x')).map(({ id }) => id)).toEqual(['kept']);
});

test('commands act for another user with --of, and audit shows it', async () => {
  const { env } = await servedGateway(database.db, TOKENS);
  const cli = async (token: string, ...args: string[]) => runCli(args, { ...env, PERDURE_TOKEN: token });
  const [session, why, refused] = await Promise.all([
    cli('o', 'session', 'trip', '--of', 'bob'),
    cli('o', 'why', runId.slice(-8), '--of', 'bob'),
    cli('e', 'transcript', 'trip', '--of', 'bob'),
  ]);
  expect(session.stdout).toMatch(/^session +trip\n/);
  expect(why.stdout).toContain(`run ${runId}: completed`);
  expect(refused).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('Only an operator may see the transcripts'),
  });
  const { stdout } = await cli('o', 'audit', '--of', 'bob', '--session', 'trip', '--from', '1d', '--limit', '50');
  expect(stdout).toMatch(/^AT +OPERATOR +ACTION +USER +SESSION +RUN\n/);
  expect(stdout).toMatch(/ olga +session\.read +bob +trip +-\n/);
});

test('the client acts for another user with `of`, also on a stream', async () => {
  const { env } = await servedGateway(database.db, TOKENS);
  const client = createGatewayClient({ url: env['PERDURE_URL'], token: 'o', of: 'bob' });
  expect((await client.snapshot('trip')).user).toBe('bob');
  for await (const event of client.stream('trip', { after: 0 })) {
    expect(event).toMatchObject({ seq: 1, type: 'session.opened' });
    break;
  }
  expect(await audited('limit=1')).toMatchObject([{ action: 'events.read', user: 'bob', sessionId: 'trip' }]);
});
