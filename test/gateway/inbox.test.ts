import { beforeEach, describe, expect, test } from 'vitest';
import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { asked, waitingRun, waits } from '../store/inbox/waiting-calls.ts';
import { call } from '../store/conversation.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { sessionPath, startGateway } from './start-gateway.ts';

const database = embeddedDatabase();

const TOKENS = {
  tokens: 'ann=ann,bob=bob,fin=fin,olga=olga',
  operators: 'olga',
  deployment: { groups: { finance: ['fin'] } },
};
const bearer = (user: string) => ({ authorization: `Bearer ${user}` });
const SCHEMA = {
  type: 'object',
  properties: { euros: { type: 'number', maximum: 100 } },
  required: ['euros'],
  additionalProperties: false,
};

let gateway: ReturnType<typeof startGateway>;
let sessions = 0;
const freshKey = (): SessionKey => ({ user: 'ann', session: `pay-${(sessions += 1)}` });

beforeEach(() => {
  gateway = startGateway(database.db, TOKENS);
});

async function answer(
  user: string,
  { session }: SessionKey,
  [kind, item]: readonly [kind: 'approvals' | 'client-calls', item: string],
  body: unknown,
  query = '',
): Promise<{ readonly status: number; readonly body: InboxItem & { readonly code: string; readonly detail: string } }> {
  const response = await gateway.call('POST', `${sessionPath(session, kind, item)}${query}`, body, bearer(user));
  return { status: response.status, body: (await response.json()) as never };
}

async function read<T>(user: string, path: string): Promise<T> {
  const response = await gateway.call('GET', path, undefined, bearer(user));
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as T;
}

const inboxOf = async (user: string, query = '') =>
  (await read<{ data: InboxItem[] }>(user, `/v1/inbox?${query}`)).data.map(({ id }) => id);

describe('answers to approvals', () => {
  test('an approval makes the run go on: the answered item comes back, and its workflow is signalled', async () => {
    const { key, runId, items } = await waitingRun(database.db, [asked('c1')], { key: freshKey() });
    const [itemId = ''] = items;
    const answered = await answer('ann', key, ['approvals', itemId], { decision: 'approve', reason: 'Fine.' });

    expect(answered).toMatchObject({
      status: 200,
      body: { id: itemId, status: 'answered', decision: 'approve', reason: 'Fine.', answeredBy: 'ann' },
    });
    expect(gateway.sender.wakes).toMatchObject([{ key, kind: 'session', reference: { run: null, wasIdle: false } }]);
    const run = await read<{ status: string }>('ann', sessionPath(key.session, 'runs', runId));
    expect(run.status).toBe('queued');
  });

  test('of 100 answers at once one counts, and 99 get a 409 with who and when', async () => {
    const { key, items } = await waitingRun(
      database.db,
      [asked('c1', { waits: waits({ mayAnswer: ['user', { group: 'finance' }] }) })],
      { key: freshKey() },
    );
    const [itemId = ''] = items;
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => {
        const [user, query] = n % 2 === 0 ? (['ann', ''] as const) : (['fin', '?user=ann'] as const);
        return answer(user, key, ['approvals', itemId], { decision: n % 3 === 0 ? 'reject' : 'approve' }, query);
      }),
    );

    const [winner, ...more] = answers.filter(({ status }) => status === 200);
    expect(more).toEqual([]);
    const late = answers.filter(({ status }) => status === 409);
    expect(late).toHaveLength(99);
    const said = `was answered by "${winner?.body.answeredBy}" at ${winner?.body.answeredAt}`;
    expect(late.filter(({ body: { code, detail } }) => code !== 'already_decided' || !detail.includes(said))).toEqual(
      [],
    );
  });

  test('a hash of another call is refused, and the item goes on waiting', async () => {
    const { key, items } = await waitingRun(database.db, [asked('c1'), asked('c2', { arguments: { euros: 9 } })], {
      key: freshKey(),
    });
    const [first = '', second = ''] = items;
    const { data } = await read<{ data: InboxItem[] }>('ann', sessionPath(key.session, 'approvals'));
    const hashOf = (id: string) => data.find((item) => item.id === id)?.hash;
    const wrong = await answer('ann', key, ['approvals', first], { decision: 'approve', hash: hashOf(second) });

    expect(wrong).toMatchObject({ status: 400, body: { detail: expect.stringContaining('belongs to another call') } });
    expect((await answer('ann', key, ['approvals', first], { decision: 'approve', hash: hashOf(first) })).status).toBe(
      200,
    );
    expect(await inboxOf('ann', `session=${key.session}`)).toEqual([second]);
  });

  test('edited arguments are checked by the schema, and both versions are in the record of the run', async () => {
    const { key, runId, items } = await waitingRun(database.db, [asked('c1', { waits: waits({ schema: SCHEMA }) })], {
      key: freshKey(),
    });
    const [itemId = ''] = items;
    const refused = await answer('ann', key, ['approvals', itemId], {
      decision: 'approve',
      arguments: { euros: 1_000 },
    });
    const edited = await answer('ann', key, ['approvals', itemId], { decision: 'approve', arguments: { euros: 2 } });

    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining('/euros') } });
    expect(edited.body).toMatchObject({ arguments: { euros: 5 }, editedArguments: { euros: 2 } });
    const run = await read<{ toolCalls: unknown[] }>('ann', sessionPath(key.session, 'runs', runId));
    expect(run.toolCalls).toMatchObject([
      {
        callId: 'c1',
        status: 'pending',
        arguments: { euros: 2 },
        item: {
          id: itemId,
          decision: 'approve',
          answeredBy: 'ann',
          arguments: { euros: 5 },
          editedArguments: { euros: 2 },
        },
      },
    ]);
  });

  test.each([
    [{ decision: 'maybe' }, 'decision'],
    [{ decision: 'reject', arguments: {} }, 'arguments'],
    [{ decision: 'reject', remember: 'user' }, 'remember'],
    [{ decision: 'approve', remember: 'forever' }, 'remember'],
    [{}, 'decision'],
  ])('the answer %j is refused with the field', async (body, field) => {
    const { key, items } = await waitingRun(database.db, [asked('c1')], { key: freshKey() });
    const refused = await answer('ann', key, ['approvals', items[0] ?? ''], body);

    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining(field) } });
  });
});

describe('who may answer', () => {
  test('a stranger finds nothing, an operator whom the agent excludes is forbidden, and so is a user under four eyes', async () => {
    const rules = waits({ mayAnswer: ['user', { group: 'finance' }], fourEyes: true });
    const { key, items } = await waitingRun(database.db, [asked('c1', { waits: rules })], { key: freshKey() });
    const item = ['approvals', items[0] ?? ''] as const;
    const approve = { decision: 'approve' };

    const stranger = await answer('bob', key, item, approve, '?user=ann');
    const operator = await answer('olga', key, item, approve, '?user=ann');
    const owner = await answer('ann', key, item, approve);
    const absent = await answer('bob', key, ['approvals', 'inb_none'], approve, '?user=ann');
    expect([stranger, operator, owner, absent].map(({ status, body: { code } }) => [status, code])).toEqual([
      [404, 'not_found'],
      [403, 'forbidden'],
      [403, 'forbidden'],
      [404, 'not_found'],
    ]);
    // What a stranger gets is the same as for an item that does not exist.
    expect(stranger.body.detail.replace(item[1], 'inb_none')).toBe(absent.body.detail);
    expect((await answer('fin', key, item, approve, '?user=ann')).status).toBe(200);
  });

  test('answers in the sessions of others are in the audit trail, with the run', async () => {
    const { key, runId, items } = await waitingRun(database.db, [asked('c1')], { key: freshKey() });
    await answer('olga', key, ['approvals', items[0] ?? ''], { decision: 'reject' }, '?user=ann');

    const { data } = await read<{ data: unknown[] }>('olga', `/v1/audit?session=${key.session}`);
    expect(data).toMatchObject([{ actor: 'olga', action: 'approval.answer', user: 'ann', runId }]);
  });
});

describe('the inbox', () => {
  test('has what waits in all sessions of a user, and of a group what its users may answer', async () => {
    const group = waits({ mayAnswer: [{ group: 'finance' }] });
    const first = await waitingRun(database.db, [asked('c1')], { key: freshKey() });
    const second = await waitingRun(database.db, [asked('c1', { waits: group })], { key: freshKey() });
    const [ofAnn, ofFin, ofBob] = [await inboxOf('ann'), await inboxOf('fin'), await inboxOf('bob')];

    expect(ofAnn).toEqual(expect.arrayContaining([...first.items, ...second.items]));
    expect(ofFin).toEqual(expect.arrayContaining([...second.items]));
    expect(ofFin).not.toContain(first.items[0]);
    expect(ofBob).toEqual([]);
    expect(await inboxOf('olga', 'user=ann')).toEqual(ofAnn);
    expect(await inboxOf('olga', 'all=true')).toEqual(expect.arrayContaining(ofAnn));
    expect((await gateway.call('GET', '/v1/inbox?all=true', undefined, bearer('bob'))).status).toBe(403);
  });

  test('is filtered by kind, session, status and a part of the id, page by page', async () => {
    const key = freshKey();
    const client = call('c2', { tool: 'pick', idempotent: false, waits: waits({}, { kind: 'client' }) });
    const { items } = await waitingRun(database.db, [asked('c1'), client], { key });
    const [approval = '', pick = ''] = items;
    const of = `session=${key.session}`;

    expect(await inboxOf('ann', `${of}&kind=client`)).toEqual([pick]);
    expect(await inboxOf('ann', `item=${approval.slice(0, -4)}`)).toEqual([approval]);
    expect(await inboxOf('ann', `item=${encodeURIComponent(approval.slice(-8))}`)).toEqual([approval]);
    const page = await read<{ data: InboxItem[]; nextCursor: string }>('ann', `/v1/inbox?${of}&limit=1`);
    expect(
      [...page.data.map(({ id }) => id), ...(await inboxOf('ann', `${of}&cursor=${page.nextCursor}`))].toSorted(),
    ).toEqual([...items].toSorted());
    await answer('ann', key, ['approvals', approval], { decision: 'reject' });
    expect(await inboxOf('ann', of)).toEqual([pick]);
    expect(await inboxOf('ann', `${of}&status=answered`)).toEqual([approval]);
    expect((await inboxOf('ann', `${of}&status=all`)).toSorted()).toEqual([...items].toSorted());
  });
});

describe('client calls', () => {
  test('a result is checked by its schema; the second client gets a 409', async () => {
    const schema = { type: 'object', properties: { seat: { type: 'string' } }, required: ['seat'] };
    const pick = call('c1', { tool: 'pick', idempotent: false, waits: waits({ schema }, { kind: 'client' }) });
    const { key, runId, items } = await waitingRun(database.db, [pick], { key: freshKey() });
    const item = ['client-calls', items[0] ?? ''] as const;

    expect(await answer('ann', key, item, { result: { seat: 12 } })).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('/seat') },
    });
    expect((await answer('ann', key, item, { result: { seat: '12A' } })).status).toBe(200);
    expect(await answer('ann', key, item, { result: { seat: '1B' } })).toMatchObject({ status: 409 });
    const run = await read<{ toolCalls: unknown[] }>('ann', sessionPath(key.session, 'runs', runId));
    expect(run.toolCalls).toMatchObject([{ status: 'completed', result: { seat: '12A' } }]);
  });

  test('an approval is not answered as a client call, nor the reverse', async () => {
    const { key, items } = await waitingRun(database.db, [asked('c1')], { key: freshKey() });
    const refused = await answer('ann', key, ['client-calls', items[0] ?? ''], { result: 1 });

    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining('is an approval') } });
  });
});

test('a remembered approval is listed, and taken back once', async () => {
  const { key, items } = await waitingRun(database.db, [asked('c1')], { key: { user: 'ann', session: 'rules' } });
  await answer('ann', key, ['approvals', items[0] ?? ''], { decision: 'approve', remember: 'session' });
  const { data } = await read<{ data: { id: string }[] }>('ann', '/v1/approval-rules');
  expect(data).toMatchObject([{ scope: 'session', sessionId: 'rules', tool: 'pay', createdBy: 'ann' }]);

  const remove = async (user: string) =>
    (await gateway.call('DELETE', `/v1/approval-rules/${data[0]?.id}`, undefined, bearer(user))).status;
  expect([await remove('bob'), await remove('ann'), await remove('ann')]).toEqual([404, 204, 404]);
});

test('the snapshot of a session names what it waits for, who may answer, and until when', async () => {
  const { key, runId, items } = await waitingRun(database.db, [asked('c1')], { key: freshKey() });
  const snapshot = await read<object>('ann', sessionPath(key.session));
  const { text } = await read<{ text: string }>('ann', sessionPath(key.session, 'why'));

  expect(snapshot).toMatchObject({
    currentRun: { id: runId, status: 'waiting' },
    waitingFor: { what: 'approval', who: 'the user or an operator', until: expect.stringMatching(/^20/) },
    approvals: [{ id: items[0], tool: 'pay', arguments: { euros: 5 } }],
    clientCalls: [],
  });
  expect(text).toContain('waits for an approval of the tool pay by the user or an operator, since ');
  expect(text).toContain('Without an answer it expires at ');
  expect(text).toContain(`\`perdure approve ${items[0]}\` or \`perdure reject ${items[0]}\` decides.`);
});

test('the time of a wait for an approval is no time of work', async () => {
  const { key, runId, items } = await waitingRun(database.db, [asked('c1')], { key: freshKey() });
  await database.db.query(
    `UPDATE perdure.runs SET created_at = created_at - interval '2 h', started_at = started_at - interval '2 h' WHERE run_id = $1`,
    [runId],
  );
  await database.db.query(`UPDATE perdure.inbox SET requested_at = requested_at - interval '1 h' WHERE item_id = $1`, [
    items[0],
  ]);
  const why = await read<{ time: { kind: string; durationMs: number }[]; spans: object[] }>(
    'ann',
    sessionPath(key.session, 'runs', runId, 'why'),
  );

  expect(why.spans).toContainEqual(expect.objectContaining({ kind: 'approval', label: 'pay', open: true }));
  const approvalMs = why.time.find(({ kind }) => kind === 'approval')?.durationMs ?? 0;
  expect(Math.round(approvalMs / 60_000)).toBe(60);
});

describe('a message that waits for its answer', () => {
  test('is answered once its run waits, with what is to be answered; sent again after the answer, with the rest', async () => {
    const { db } = database;
    const key = freshKey();
    const message = { id: 'm1', content: 'Pay.' };
    const post = async () => {
      const response = await gateway.call('POST', sessionPath(key.session, 'messages'), message, {
        ...bearer('ann'),
        prefer: 'wait=30',
      });
      return { status: response.status, body: (await response.json()) as never };
    };
    const { waitIn } = await import('../store/inbox/waiting-calls.ts');
    gateway.sender.onWake = (woken, { runId }) => {
      gateway.sender.onWake = undefined;
      void waitIn(db, woken, runId, [asked('c1')]).then(() =>
        gateway.live.publish(woken, { kind: 'appended', head: 0, events: [] }),
      );
    };
    const waiting = await post();
    const again = await post();

    expect(waiting).toMatchObject({
      status: 202,
      body: { messageId: 'm1', status: 'waiting', approvals: [{ tool: 'pay', status: 'pending' }], clientCalls: [] },
    });
    expect(again).toEqual(waiting);
    const outcome = await read('ann', sessionPath(key.session, 'messages', 'm1'));
    expect(outcome).toMatchObject({ status: 'waiting', run: { status: 'waiting' }, approvals: [{ tool: 'pay' }] });
  });
});
