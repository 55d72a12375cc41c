import { expect, test } from 'vitest';
import { schemaViolations } from '../../../admission/schema-violations.ts';
import { callHash } from '../../../contracts/session/call-hash.ts';
import { answerApproval, answerClientCall } from '../../../store/inbox/answer-item.ts';
import { deleteApprovalRule, listApprovalRules, readRememberedTools } from '../../../store/inbox/approval-rules.ts';
import { listItems, listPendingItems } from '../../../store/inbox/list-items.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { findNextRun } from '../../../store/serving/find-next-run.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, call, newKey, pin, send } from '../conversation.ts';
import { answerTo, asked, letExpire, OPERATOR, USER, waitIn, waitingRun, waits } from './waiting-calls.ts';

const APPROVE = { decision: 'approve' } as const;

describeStores(DATABASES, (db) => {
  const typesAfter = async (key: Parameters<typeof readEvents>[1], after: number) =>
    (await readEvents(db(), key, { after, limit: 50 })).events.map(({ type }) => type);

  test('a run whose calls all wait has no work, and its call is in the inbox', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1')]);
    expect(await readRun(db(), key, runId)).toMatchObject({
      status: 'waiting',
      toolCalls: [{ callId: 'c1', status: 'waiting', startedAt: null }],
    });
    expect(await findNextRun(db(), key)).toBeNull();
    expect(await listPendingItems(db(), key)).toMatchObject([
      {
        id: items[0],
        kind: 'approval',
        status: 'pending',
        user: key.user,
        sessionId: key.session,
        runId,
        callId: 'c1',
        tool: 'pay',
        arguments: { euros: 5 },
        hash: callHash({ run: runId, call: 'c1', tool: 'pay', arguments: { euros: 5 } }),
        answeredAt: null,
      },
    ]);
    expect(await typesAfter(key, 3)).toEqual(['message.completed', 'tool.called', 'approval.requested']);
  });

  test('an approved call is executed, and its run goes before those that are queued', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1')]);
    const { runId: later } = await send(db(), key, { id: 'm2', content: 'and then?' });
    const answered = await answerApproval(db(), key, answerTo(items[0] ?? '', { ...APPROVE, reason: 'fine' }));
    expect(answered).toMatchObject({
      item: { status: 'answered', decision: 'approve', answeredBy: 'ann', reason: 'fine' },
      wakes: { runId, urgent: true },
      served: false,
    });
    expect(answered.events).toMatchObject([{ type: 'approval.decided', decision: 'approve', by: 'ann', callId: 'c1' }]);
    expect(await findNextRun(db(), key)).toMatchObject({ runId });
    expect(await beginStep(db(), key, { runId, pin })).toMatchObject({
      kind: 'tools',
      calls: [{ callId: 'c1', status: 'pending', arguments: { euros: 5 } }],
    });
    expect(await readRun(db(), key, later)).toMatchObject({ status: 'queued' });
  });

  test('a rejected call has failed with the reason, and the model is called', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1')]);
    await answerApproval(db(), key, answerTo(items[0] ?? '', { decision: 'reject', reason: 'too much' }));
    expect(await readRun(db(), key, runId)).toMatchObject({
      status: 'queued',
      toolCalls: [{ status: 'failed', error: 'The call was not approved. Reason: too much' }],
    });
    expect(await beginModel(db(), key, runId)).toMatchObject({ step: 2 });
  });

  test('the tool gets the edited arguments, and both versions are kept', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1')]);
    const { item, events } = await answerApproval(
      db(),
      key,
      answerTo(items[0] ?? '', { ...APPROVE, arguments: { euros: 3 } }),
    );
    expect(item).toMatchObject({ arguments: { euros: 5 }, editedArguments: { euros: 3 } });
    expect(events).toMatchObject([{ type: 'approval.decided', arguments: { euros: 3 } }]);
    expect(await beginStep(db(), key, { runId, pin })).toMatchObject({ calls: [{ arguments: { euros: 3 } }] });
  });

  test('edited arguments that the schema does not allow are refused, and the call still waits', async () => {
    const schema = { type: 'object', properties: { euros: { type: 'number', maximum: 10 } } };
    const { key, items } = await waitingRun(db(), [asked('c1', { waits: waits({ schema }) })]);
    const answer = { ...APPROVE, arguments: { euros: 11 } };
    const request = { ...answerTo(items[0] ?? '', answer), violationsOf: schemaViolations };
    await expect(answerApproval(db(), key, request)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('/euros'),
    });
    expect(await listPendingItems(db(), key)).toHaveLength(1);
  });

  test('of 100 answers at once one counts, and the others report by whom and when', async () => {
    const { key, items } = await waitingRun(db(), [asked('c1')]);
    const answers = await Promise.allSettled(
      Array.from({ length: 100 }, () => answerApproval(db(), key, answerTo(items[0] ?? '', APPROVE))),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(refused).toHaveLength(99);
    for (const reason of refused) {
      expect(reason).toMatchObject({
        code: 'already_decided',
        message: expect.stringMatching(/was answered by "ann" at \d{4}-.*Z\./),
      });
    }
  });

  test('an answer for another call, by nobody who may, or of another kind changes nothing', async () => {
    const { key, items } = await waitingRun(db(), [
      asked('c1'),
      asked('c2', { waits: waits({ fourEyes: true, mayAnswer: [{ group: 'finance' }, 'user'] }) }),
    ]);
    const [first = '', second = ''] = items;
    const pending = await listPendingItems(db(), key);
    const foreign = { ...APPROVE, hash: pending[1]?.hash ?? '' };
    await expect(answerApproval(db(), key, answerTo(first, foreign))).rejects.toMatchObject({
      code: 'invalid_request',
    });
    const bob = { user: 'bob', isOperator: false, groups: [] };
    await expect(answerApproval(db(), key, answerTo(first, APPROVE, bob))).rejects.toMatchObject({ code: 'forbidden' });
    await expect(answerApproval(db(), key, answerTo(second, APPROVE, USER))).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(answerClientCall(db(), key, answerTo(first, { result: 1 }))).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(answerApproval(db(), newKey(), answerTo(first, APPROVE))).rejects.toMatchObject({ code: 'not_found' });
    expect(await listPendingItems(db(), key)).toHaveLength(2);
    await answerApproval(db(), key, answerTo(second, APPROVE, { ...bob, groups: ['finance'] }));
    await answerApproval(db(), key, answerTo(first, APPROVE, OPERATOR));
  });

  test('a remembered approval approves the calls that wait already and that its giver may answer', async () => {
    const others = [
      asked('c2'),
      asked('c3', { tool: 'look' }),
      asked('c4', { waits: waits({ mayAnswer: ['operators'] }) }),
      asked('c5', { waits: waits({ definition: 'another' }) }),
      asked('c6', { waits: waits({}, { kind: 'client' }) }),
      asked('c7', { waits: waits({}, { expiresMs: 3_600_001 }) }),
    ];
    const { key, runId, items } = await waitingRun(db(), [asked('c1'), ...others], { holdsQueue: false });
    await letExpire(db(), key, items.at(-1) ?? '');
    const { runId: later } = await send(db(), key, { id: 'm2', content: 'and then?' });
    await waitIn(db(), key, later, [asked('d1'), asked('d2', { tool: 'look' })], false);
    const elsewhere = await waitingRun(db(), [asked('e1')], { key: newKey(key.user) });
    const answer = { ...APPROVE, arguments: { euros: 3 }, remember: 'session' } as const;
    const { events, wakes } = await answerApproval(db(), key, answerTo(items[0] ?? '', answer));
    expect(events).toMatchObject([
      { callId: 'c1', remember: 'session', arguments: { euros: 3 } },
      { callId: 'c2', decision: 'approve', by: 'ann', rememberedFrom: items[0] },
      { callId: 'd1', runId: later, rememberedFrom: items[0] },
    ]);
    expect(events[1]).not.toHaveProperty('arguments');
    expect(wakes).toMatchObject({ runId });
    const waiting = (await listPendingItems(db(), key)).map(({ callId }) => callId);
    expect(waiting).toEqual(['c3', 'c4', 'c5', 'c6', 'c7', 'd2']);
    expect(await readRun(db(), key, later)).toMatchObject({ status: 'queued' });
    expect(await beginStep(db(), key, { runId, pin })).toMatchObject({
      calls: [
        { callId: 'c1', arguments: { euros: 3 } },
        { callId: 'c2', arguments: { euros: 5 } },
      ],
    });
    expect(await listPendingItems(db(), elsewhere.key)).toHaveLength(1);
    await expect(answerApproval(db(), key, answerTo(items[1] ?? '', APPROVE))).rejects.toMatchObject({
      code: 'already_decided',
    });
  });

  test('of several calls each is answered alone, and the run goes on as soon as it has work', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1'), asked('c2'), asked('c3')]);
    const [one = '', two = '', three = ''] = items;
    expect(await answerApproval(db(), key, answerTo(three, { decision: 'reject' }))).toMatchObject({ wakes: null });
    expect(await answerApproval(db(), key, answerTo(one, APPROVE))).toMatchObject({ wakes: { runId } });
    expect(await beginStep(db(), key, { runId, pin })).toMatchObject({ kind: 'tools', calls: [{ callId: 'c1' }] });
    const done = { callId: 'c1', outcome: { status: 'completed', result: 1 }, durationMs: 1 } as const;
    expect(await beginStep(db(), key, { runId, pin, results: [done] })).toMatchObject({ kind: 'waiting' });
    expect(await answerApproval(db(), key, answerTo(two, { decision: 'reject' }))).toMatchObject({ wakes: { runId } });
    expect(await beginModel(db(), key, runId)).toMatchObject({ step: 2 });
  });

  test('a client hands in the result of a call, once', async () => {
    const client = waits({}, { kind: 'client' });
    const { key, runId, items } = await waitingRun(db(), [call('c1', { tool: 'locate', waits: client })]);
    const { events } = await answerClientCall(db(), key, answerTo(items[0] ?? '', { result: { city: 'Ulm' } }));
    expect(events).toMatchObject([
      { type: 'client_call.answered', by: 'ann' },
      { type: 'tool.completed', result: { city: 'Ulm' }, attempts: 0 },
    ]);
    expect(await beginModel(db(), key, runId)).toMatchObject({ step: 2 });
    await expect(answerClientCall(db(), key, answerTo(items[0] ?? '', { error: 'no' }))).rejects.toMatchObject({
      code: 'already_decided',
    });
  });

  test('an approval can be remembered for the session or its user, listed and taken back', async () => {
    const { key, items } = await waitingRun(db(), [asked('c1'), asked('c2', { tool: 'send' })], {
      key: newKey('rule'),
    });
    const [one = '', two = ''] = items;
    const by = { ...USER, user: 'rule' };
    await answerApproval(db(), key, answerTo(one, { ...APPROVE, remember: 'session' }, by));
    await answerApproval(db(), key, answerTo(two, { ...APPROVE, remember: 'user' }, by));
    const tools = ['pay', 'send', 'clock'];
    expect([...(await readRememberedTools(db(), key, 'assistant', tools))].toSorted()).toEqual(['pay', 'send']);
    expect([...(await readRememberedTools(db(), newKey('rule'), 'assistant', tools))]).toEqual(['send']);
    expect([...(await readRememberedTools(db(), newKey('other'), 'assistant', tools))]).toEqual([]);
    const rules = await listApprovalRules(db(), 'rule');
    expect(rules.toSorted((a, b) => a.tool.localeCompare(b.tool))).toMatchObject([
      { scope: 'session', tool: 'pay', sessionId: key.session },
      { scope: 'user', tool: 'send', sessionId: null },
    ]);
    for (const { id } of rules) expect(await deleteApprovalRule(db(), 'rule', id)).toBe(true);
    expect(await readRememberedTools(db(), key, 'assistant', tools)).toEqual(new Set());
  });

  test('the inbox of a user is read in pages, by status and kind', async () => {
    const user = `pages-${newKey().session}`;
    for (const id of ['c1', 'c2', 'c3']) await waitingRun(db(), [asked(id)], { key: newKey(user) });
    const first = await listItems(db(), { user, limit: 2 });
    const rest = await listItems(db(), { user, limit: 2, cursor: first.nextCursor ?? '' });
    expect([...first.items, ...rest.items].map(({ callId }) => callId)).toEqual(['c1', 'c2', 'c3']);
    expect(rest.nextCursor).toBeNull();
    expect((await listItems(db(), { user, kind: 'client' })).items).toEqual([]);
    expect((await listItems(db(), { user, status: 'answered' })).items).toEqual([]);
    expect((await listItems(db(), { user: null, status: null })).items.length).toBeGreaterThanOrEqual(3);
  });

  test('an answer after the deadline is refused', async () => {
    const { key, items } = await waitingRun(db(), [asked('c1')]);
    await letExpire(db(), key, items[0] ?? '');
    await expect(answerApproval(db(), key, answerTo(items[0] ?? '', APPROVE))).rejects.toMatchObject({
      code: 'already_decided',
      message: expect.stringContaining('expired at'),
    });
  });
});
