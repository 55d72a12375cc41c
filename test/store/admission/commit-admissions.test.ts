import { expect, test } from 'vitest';
import { LIMITS } from '../../../contracts/limits.ts';
import { commitAdmissions } from '../../../store/admission/commit-admissions.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readMessage } from '../../../store/read/read-message.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { admission, beginModel, converse, newKey, refused, replyTo, send } from '../conversation.ts';

describeStores(DATABASES, (db) => {
  test('a first message creates the session and starts a run', async () => {
    const key = newKey();
    const { receipt, events, run, created, openRuns } = await send(db(), key, { id: 'm1', content: 'hi' });
    expect(receipt).toEqual({
      messageId: 'm1',
      runId: expect.any(String),
      disposition: 'started',
      position: 0,
      seq: 2,
    });
    expect(run).toEqual({ runId: receipt.runId, ordinal: 1, urgent: false });
    expect({ created, openRuns }).toEqual({ created: true, openRuns: null });
    expect(events.map((event) => [event.seq, event.type])).toEqual([
      [1, 'session.opened'],
      [2, 'message.received'],
    ]);
    expect((await readEvents(db(), key, { after: 0, limit: 10 })).events).toEqual(events);
  });

  test('the same id and body give the first receipt, even after the session has ended', async () => {
    const key = newKey();
    const first = await send(db(), key, { id: 'm1', content: 'hi' });
    const head = (await readSession(db(), key))?.head;
    const again = await send(db(), key, { id: 'm1', content: 'hi' });
    expect(again).toMatchObject({ duplicate: true, receipt: first.receipt, run: first.run, events: [] });
    expect((await readSession(db(), key))?.head).toBe(head);
    await commitSessionEnd(db(), key, { status: 'completed', reason: null });
    const late = await send(db(), key, { id: 'm1', content: 'hi' });
    expect(late).toMatchObject({ duplicate: true, receipt: first.receipt, run: null, events: [] });
  });

  test('the same id with another body is a conflict', async () => {
    const key = newKey();
    await send(db(), key, { id: 'm1', content: 'hi' });
    for (const body of [
      { content: 'ho' },
      { content: 'hi', agent: 'assistant' },
      { content: 'hi', whileRunning: 'steer' as const },
    ]) {
      expect(await refused(db(), key, { id: 'm1', ...body })).toMatchObject({ code: 'idempotency_conflict' });
    }
  });

  test('a refusal is not remembered and creates nothing', async () => {
    const key = newKey();
    const refusal = await refused(db(), key, { id: 'm1', content: 'hi', agent: 'nobody' });
    expect(refusal).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringMatching(/"nobody".*perdure agents/),
    });
    expect(await readSession(db(), key)).toBeNull();
    expect(await send(db(), key, { id: 'm1', content: 'hi' })).toMatchObject({ created: true, duplicate: false });
  });

  test('a session keeps its agent', async () => {
    const key = newKey();
    await send(db(), key, { id: 'm1', content: 'hi', agent: 'other' });
    expect(await refused(db(), key, { id: 'm2', content: 'hi', agent: 'assistant' })).toMatchObject({
      code: 'invalid_request',
    });
    await send(db(), key, { id: 'm3', content: 'hi', agent: 'other' });
    await send(db(), key, { id: 'm4', content: 'hi' });
    expect((await readSession(db(), key))?.agent).toBe('other');
  });

  test('content over the limit is too large', async () => {
    const content = 'é'.repeat(LIMITS.messageBytes.value / 2 + 1);
    expect(await refused(db(), newKey(), { id: 'm1', content })).toMatchObject({ code: 'too_large' });
  });

  test('messages of one batch are decided in order, each on its own', async () => {
    const key = newKey();
    const messages = [
      { id: 'a', content: '1' },
      { id: 'b', content: '2', agent: 'nobody' },
      { id: 'a', content: '1' },
      { id: 'c', content: '3' },
    ];
    const { results, openRuns } = await commitAdmissions(db(), key, admission({ messages, execution: 'one' }));
    expect(results.map((result) => (result.ok ? [result.duplicate, result.receipt.position] : result.code))).toEqual([
      [false, 0],
      'invalid_request',
      [true, 0],
      [false, 1],
    ]);
    expect(openRuns?.map((run) => run.ordinal)).toEqual([1, 2]);
  });

  test('enqueued runs wait behind all that are open', async () => {
    const key = newKey();
    await beginModel(db(), key, (await send(db(), key, { id: 'm1', content: '1' })).runId);
    expect((await send(db(), key, { id: 'm2', content: '2' })).receipt).toMatchObject({
      disposition: 'queued',
      position: 1,
    });
    expect((await send(db(), key, { id: 'm3', content: '3' })).receipt).toMatchObject({
      disposition: 'queued',
      position: 2,
    });
  });

  test('a steering message joins the running run, and waits in line when there is none', async () => {
    const key = newKey();
    const first = await send(db(), key, { id: 'm1', content: '1' });
    const early = await send(db(), key, { id: 'm2', content: '2', whileRunning: 'steer' });
    expect(early).toMatchObject({ receipt: { disposition: 'queued', position: 1 } });
    await beginModel(db(), key, first.runId);
    const steering = { id: 'm3', content: '3', whileRunning: 'steer' } as const;
    const steered = await send(db(), key, steering);
    expect(steered).toMatchObject({
      run: null,
      receipt: { disposition: 'steered', runId: first.runId },
      interrupts: null,
    });
    expect(steered.receipt).toEqual({
      messageId: 'm3',
      runId: first.runId,
      disposition: 'steered',
      position: 0,
      seq: 5,
    });
    expect(await send(db(), key, steering)).toMatchObject({
      duplicate: true,
      run: null,
      receipt: { runId: first.runId },
    });
    expect((await readMessage(db(), key, 'm3'))?.run?.messageIds).toEqual(['m1', 'm3']);
  });

  test('an interrupting message names the running run and goes ahead of those that are not urgent', async () => {
    const key = newKey();
    const first = await send(db(), key, { id: 'm1', content: '1' });
    await beginModel(db(), key, first.runId);
    const queued = await send(db(), key, { id: 'm2', content: '2' });
    const interrupting = { id: 'm3', content: '3', whileRunning: 'interrupt' } as const;
    const urgent = await send(db(), key, interrupting);
    expect(urgent).toMatchObject({ interrupts: first.runId, run: { urgent: true }, receipt: { position: 0 } });
    expect(await send(db(), key, interrupting)).toMatchObject({ duplicate: true, interrupts: first.runId });
    const next = await send(db(), key, { id: 'm4', content: '4', whileRunning: 'interrupt' }, { execution: 'other' });
    expect(next.receipt.position).toBe(1);
    // Another execution means that the one which was to stop the first run is lost, so that run is cancelled.
    expect(next.openRuns?.map((run) => run.runId)).toEqual([urgent.runId, next.runId, queued.runId]);
    expect(await send(db(), key, interrupting)).toMatchObject({ duplicate: true, interrupts: null });
  });

  test('reject refuses while a run is open', async () => {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: '1', whileRunning: 'reject' });
    expect(await refused(db(), key, { id: 'm2', content: '2', whileRunning: 'reject' })).toMatchObject({
      code: 'run_in_progress',
    });
    await commitStep(db(), key, replyTo(runId, await beginModel(db(), key, runId)));
    await send(db(), key, { id: 'm2', content: '2', whileRunning: 'reject' });
  });

  test("the session's policy comes before the agent's", async () => {
    const key = newKey();
    await getOrCreateSession(db(), key, {
      agent: 'assistant',
      policy: { whileRunning: 'reject' },
      kind: 'session',
      execution: null,
    });
    await send(db(), key, { id: 'm1', content: '1' });
    expect(await refused(db(), key, { id: 'm2', content: '2' })).toMatchObject({ code: 'run_in_progress' });
    await send(db(), key, { id: 'm2', content: '2', whileRunning: 'enqueue' });
  });

  test('as many runs as may wait, and no more', async () => {
    const key = newKey();
    const most = LIMITS.queuedRuns.value;
    const messages = Array.from({ length: most + 1 }, (_, index) => ({ id: `m${index}`, content: 'x' }));
    const { results } = await commitAdmissions(db(), key, admission({ messages }));
    expect(results.filter((result) => result.ok).length).toBe(most);
    expect(results.at(-1)).toMatchObject({ ok: false, code: 'queue_full' });
  });

  test('as many bytes as may wait, and no more', async () => {
    const key = newKey();
    const content = 'x'.repeat(LIMITS.messageBytes.value);
    const most = LIMITS.queuedBytes.value / LIMITS.messageBytes.value;
    const messages = Array.from({ length: most }, (_, index) => ({ id: `m${index}`, content }));
    const { results } = await commitAdmissions(db(), key, admission({ messages }));
    expect(results.every((result) => result.ok)).toBe(true);
    expect(await refused(db(), key, { id: 'more', content: 'x' })).toMatchObject({ code: 'queue_full' });
  });

  test('a completed session refuses further messages', async () => {
    const key = newKey();
    await converse(db(), key, 'm1');
    await commitSessionEnd(db(), key, { status: 'completed', reason: null });
    expect(await refused(db(), key, { id: 'm2', content: '2' })).toMatchObject({
      code: 'session_ended',
      detail: expect.stringContaining(key.session),
    });
  });

  test('a failed or archived session comes back, a deleted one starts afresh', async () => {
    const key = newKey();
    await converse(db(), key, 'm1');
    await commitSessionEnd(db(), key, { status: 'failed', reason: 'why' });
    const reopened = await send(db(), key, { id: 'm2', content: '2' });
    expect(reopened.events[0]).toMatchObject({ type: 'session.recovered', reason: 'reopened' });
    expect(await readSession(db(), key)).toMatchObject({ status: 'active', endReason: null });
    await archiveSession(db(), key);
    const restored = await send(db(), key, { id: 'm3', content: '3' });
    expect(restored.events[0]).toMatchObject({ type: 'session.recovered', reason: 'restored' });
    expect(await deleteSession(db(), key)).toBe(true);
    expect(await deleteSession(db(), key)).toBe(false);
    expect(await readMessage(db(), key, 'm1')).toBeNull();
    expect(await send(db(), key, { id: 'm1', content: 'another' })).toMatchObject({ created: true, duplicate: false });
  });

  test('a run without a session takes one message, and its id is the run', async () => {
    const key = newKey();
    const { receipt } = await send(db(), key, { id: 'm1', content: '1' }, { kind: 'run' });
    expect(receipt.runId).toBe(key.session);
    expect(await refused(db(), key, { id: 'm2', content: '2' }, { kind: 'run' })).toMatchObject({
      code: 'invalid_request',
    });
    expect(await refused(db(), key, { id: 'm3', content: '3' })).toMatchObject({ code: 'invalid_request' });
    expect(await send(db(), key, { id: 'm1', content: '1' }, { kind: 'run' })).toMatchObject({ duplicate: true });
  });

  test('the first workflow of a session that was admitted before it, or reopened since, is not taken for a lost one', async () => {
    const key = newKey();
    const before = { beforeWorkflow: true };
    const load = (execution: string) => commitAdmissions(db(), key, admission({ messages: [], execution }));
    const first = await send(db(), key, { id: 'm1', content: '1' }, before);
    const loaded = await load('one');
    expect(loaded).toMatchObject({ events: [], openRuns: [{ runId: first.runId }], session: { status: 'active' } });
    await commitSessionEnd(db(), key, { status: 'failed', reason: null });
    const second = await send(db(), key, { id: 'm2', content: '2' }, before);
    expect(second.events.map((event) => event.type)).toEqual(['session.recovered', 'message.received']);
    expect(await load('two')).toMatchObject({ events: [], openRuns: [{ runId: second.runId }] });
    const third = await send(db(), key, { id: 'm3', content: '3' }, before);
    const lost = await load('three');
    expect(lost.events).toMatchObject([{ type: 'session.recovered', reason: 'workflow_lost' }]);
    expect(lost.openRuns?.map((run) => run.runId)).toEqual([second.runId, third.runId]);
  });

  test('a session that does not exist is not created by loading it', async () => {
    const key = newKey();
    const loaded = await commitAdmissions(db(), key, admission({ messages: [], execution: 'one' }));
    expect(loaded).toMatchObject({ session: null, openRuns: [], events: [] });
  });

  test('a lost workflow is told once for each start, with the runs that are open', async () => {
    const key = newKey();
    const first = await send(db(), key, { id: 'm1', content: '1' }, { execution: 'one' });
    const same = await send(db(), key, { id: 'm1', content: '1' }, { execution: 'one' });
    expect(same).toMatchObject({ events: [], openRuns: [{ runId: first.runId }] });
    const lost = await send(db(), key, { id: 'm2', content: '2' }, { execution: 'two' });
    expect(lost.events.map((event) => event.type)).toEqual(['session.recovered', 'message.received']);
    expect(lost.openRuns?.map((run) => run.runId)).toEqual([first.runId, lost.runId]);
    const opened = await getOrCreateSession(db(), key, { agent: 'assistant', kind: 'session', execution: 'two' });
    expect(opened).toMatchObject({ created: false, events: [], openRuns: lost.openRuns });
  });
});
