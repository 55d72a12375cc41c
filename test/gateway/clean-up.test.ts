import { beforeAll, expect, test } from 'vitest';
import { sweepPageSchema, sweepSchema } from '../../contracts/maintenance.ts';
import { serveGateway } from '../../gateway/serve-gateway.ts';
import { beginPage, beginSweep, endSweep, recordAction } from '../../store/admin/sweeps/sweeps.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { runCli, startCli } from '../support/process/run-cli.ts';
import { startGateway } from './start-gateway.ts';

const PAGE = { after: null, last: null, more: false };
const database = embeddedDatabase();
beforeAll(async () => {
  const { db } = database;
  await beginSweep(db, { id: 'of-all', user: null, dryRun: false });
  for (const [user, session] of [
    ['ann', 'a'],
    ['ann', 'b'],
    ['bob', 'a'],
  ] as const) {
    await recordAction(db, 'of-all', { user, session }, { action: 'deleted', reason: 'idle' });
  }
  await beginPage(db, 'of-all', PAGE, 7);
  await endSweep(db, 'of-all');
  await beginSweep(db, { id: 'of-ann', user: 'ann', dryRun: true });
  await beginPage(db, 'of-ann', PAGE, 2);
  await beginSweep(db, { id: 'of-bob', user: 'bob', dryRun: false });
}, 60_000);

const TOKENS = { tokens: 'a=ann,b=bob,o=olga', operators: 'olga' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('a clean-up covers the caller’s sessions, for operators those of another user or of all', async () => {
  const { call, sender } = startGateway(database.db, TOKENS);
  const asked: unknown[] = [];
  sender.clean = async (whose, request) => {
    asked.push([whose, request]);
    return 'sweep-1';
  };
  const clean = async (token: string, body: object) =>
    (await call('POST', '/v1/maintenance/clean', body, bearer(token))).status;
  expect(await clean('a', { idleMs: 1 })).toBe(202);
  expect(await clean('o', { all: true, dryRun: true })).toBe(202);
  expect(await clean('o', { user: 'bob' })).toBe(202);
  expect(asked).toEqual([
    ['ann', { idleMs: 1 }],
    [null, { dryRun: true }],
    ['bob', {}],
  ]);
  expect(await clean('a', { all: true })).toBe(403);
  expect(await clean('a', { user: 'bob' })).toBe(403);
  expect(await clean('o', { user: 'bob', all: true })).toBe(400);
  expect(asked).toHaveLength(3);
  const refused = await call('POST', '/v1/maintenance/clean', { all: true }, bearer('a'));
  expect(await refused.json()).toMatchObject({
    code: 'forbidden',
    detail:
      'Only an operator may clean up the sessions of all users, and "ann" is not one. Operators are set in PERDURE_OPERATORS.',
  });
});

test('clean-ups are listed newest first and by pages: the caller’s, for operators all, including scheduled ones', async () => {
  const { call } = startGateway(database.db, TOKENS);
  const list = async (token: string, query = '') => {
    const response = await call('GET', `/v1/maintenance/sweeps${query}`, undefined, bearer(token));
    expect(response.status).toBe(200);
    return sweepPageSchema.parse(await response.json());
  };
  expect(await list('a')).toMatchObject({ data: [{ id: 'of-ann', user: 'ann', endedAt: null }], nextCursor: null });
  expect((await list('o')).data).toEqual([]);
  expect((await list('o', '?user=bob')).data).toMatchObject([{ id: 'of-bob' }]);
  const first = await list('o', '?all=true&limit=2');
  expect(first.data.map(({ id }) => id)).toEqual(['of-bob', 'of-ann']);
  const rest = await list('o', `?all=true&limit=2&cursor=${first.nextCursor}`);
  expect(rest).toMatchObject({
    data: [{ id: 'of-all', user: null, seen: 7, counts: { deleted: 3 } }],
    nextCursor: null,
  });
  for (const query of ['?all=true', '?user=bob']) {
    expect((await call('GET', `/v1/maintenance/sweeps${query}`, undefined, bearer('a'))).status).toBe(403);
  }
  expect((await call('GET', '/v1/maintenance/sweeps?cursor=x', undefined, bearer('a'))).status).toBe(400);
});

test('the actions of a clean-up come by pages, and a clean-up of another user is not found', async () => {
  const { call } = startGateway(database.db, TOKENS);
  const read = async (token: string, path: string) =>
    await call('GET', `/v1/maintenance/sweeps/${path}`, undefined, bearer(token));
  const first = sweepSchema.parse(await (await read('o', 'of-all?limit=2')).json());
  expect(first).toMatchObject({ user: null, counts: { deleted: 3 }, seen: 7 });
  expect(first.actions.map(({ user, session }) => `${user}:${session}`)).toEqual(['ann:a', 'ann:b']);
  const rest = await read('o', `of-all?limit=2&cursor=${first.nextCursor}`);
  expect(await rest.json()).toMatchObject({ actions: [{ user: 'bob', session: 'a' }], nextCursor: null });
  expect((await read('a', 'of-ann')).status).toBe(200);
  for (const id of ['of-all', 'of-bob', 'none']) expect([id, (await read('a', id)).status]).toEqual([id, 404]);
});

test('the command line lists clean-ups, shows one, and prints the command for the next page', async () => {
  const { gateway } = startGateway(database.db);
  const served = await serveGateway({ gateway, port: 0 });
  const env = { PERDURE_URL: served.url, PERDURE_USER: 'ann' };
  const [own, all, one, none] = [
    await runCli(['sweeps'], env),
    await runCli(['sweeps', '--all-users', '--limit', '2'], env),
    await runCli(['sweeps', 'of-all', '--limit', '2'], env),
    await runCli(['sweeps', 'nothing'], env),
  ];
  await served.close();
  expect(own.stdout).toMatch(/^of-ann +ann +\S+ +in progress +2 +dry run: nothing to do$/m);
  expect(all.stdout).not.toContain('of-all');
  expect(all.stdout).toMatch(/^More: perdure sweeps --all-users --limit 2 --cursor \S+$/m);
  expect(one.stdout).toMatch(/^ann +b +deleted +idle$/m);
  expect(one.stdout).toContain('Checked 7 sessions: 3 deleted.');
  expect(none).toMatchObject({ code: 4, stderr: expect.stringContaining('There is no clean-up "nothing"') });
});

test('the command line reports that no worker has started a clean-up, and prints the report at its end', async () => {
  const { gateway, sender } = startGateway(database.db);
  sender.clean = async () => 'late';
  const served = await serveGateway({ gateway, port: 0 });
  const cli = startCli(['clean', '--idle', '1h', '--dry-run'], { PERDURE_URL: served.url, PERDURE_USER: 'ann' });
  await cli.shows('Waiting for a worker to start the clean-up');
  const { db } = database;
  await beginSweep(db, { id: 'late', user: 'ann', dryRun: true });
  await beginPage(db, 'late', PAGE, 12);
  await cli.shows('Checked 12 sessions so far');
  await recordAction(db, 'late', { user: 'ann', session: 'a' }, { action: 'archived', reason: 'idle' });
  await endSweep(db, 'late');
  const { code, stdout } = await cli.done;
  await served.close();
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: 'SESSION  WOULD BE  REASON\na        archived  idle\nChecked 12 sessions: 1 would be archived.\n',
  });
});
