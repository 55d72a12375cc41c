import { expect, test } from 'vitest';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import type { PartialReply } from '../../../store/runs/close-run.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { finishTools } from '../../../store/runs/finish-tools.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { startTool } from '../../../store/runs/start-tool.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { backUpSession } from '../../support/store/session-backup.ts';
import { beginModel, call, newKey, pin, replyTo, send, started, USAGE, withCalls } from '../conversation.ts';

const CANCELLED = { status: 'cancelled', reason: 'cancelled' } as const;
const FAILED = { status: 'failed', error: { code: 'model_unavailable', detail: 'no answer' } } as const;

function partialOf(position: Awaited<ReturnType<typeof beginModel>>, text: string): PartialReply {
  const { step, attempt, throughSeq } = position;
  return { step, attempt, throughSeq, text, reasoning: 'hm', model: 'one', firstTokenMs: 5, durationMs: 50 };
}

const end = (runId: string, how: typeof CANCELLED | typeof FAILED, partial: PartialReply | null = null) => ({
  runId,
  end: how,
  partial,
  failSession: false,
});

describeStores(DATABASES, (db) => {
  test('a run starts once and keeps the agent version it started with', async () => {
    const { key, runId } = await started(db());
    const first = await beginModel(db(), key, runId);
    expect(first).toMatchObject({ step: 1, attempt: 1, throughSeq: 3, agentVersion: 'version-1', activeMs: 0 });
    expect(first.events).toMatchObject([{ seq: 3, type: 'run.started', runId, agentVersion: 'version-1' }]);
    const again = await beginStep(db(), key, { runId, pin: () => ({ hash: 'version-2', model: 'scripted/two' }) });
    expect(again).toMatchObject({
      kind: 'model',
      step: 1,
      attempt: 2,
      agentVersion: 'version-1',
      model: 'scripted/one',
      events: [],
    });
  });

  test('a committed reply ends the run; its commit and its step are not repeated', async () => {
    const { key, runId } = await started(db());
    const position = await beginModel(db(), key, runId);
    const commit = replyTo(runId, position, { text: 'done' });
    const committed = await commitStep(db(), key, commit);
    expect(committed).toMatchObject({ outcome: 'committed', ended: true });
    expect(committed.events.map((event) => event.type)).toEqual(['message.completed', 'run.completed']);
    expect(await commitStep(db(), key, commit)).toEqual({ outcome: 'stale', events: [] });
    expect(await beginStep(db(), key, { runId, pin })).toEqual({
      kind: 'ended',
      epoch: expect.any(Number),
      session: 'active',
      status: 'completed',
      events: [],
    });
    expect(await commitRunEnd(db(), key, end(runId, CANCELLED))).toMatchObject({ status: 'completed', events: [] });
    expect(await readRun(db(), key, runId)).toMatchObject({
      status: 'completed',
      output: 'done',
      steps: 1,
      usage: USAGE,
    });
    expect(await readSession(db(), key)).toMatchObject({ messages: 1, runs: 1, errors: 0, usage: USAGE });
  });

  test('an attempt that was claimed before a restore does not commit as the one that has its number since', async () => {
    const { key, runId } = await started(db());
    const restore = await backUpSession(db(), key);
    const before = await beginModel(db(), key, runId);
    await restore();
    const since = await beginModel(db(), key, runId);
    expect(since.attempt).toBe(before.attempt);
    expect(since.claimed.session.version).not.toBe(before.claimed.session.version);
    expect(await commitStep(db(), key, replyTo(runId, before))).toMatchObject({ outcome: 'stale' });
    expect(await commitStep(db(), key, replyTo(runId, since))).toMatchObject({ outcome: 'committed' });
  });

  test('only the newest attempt of a step commits', async () => {
    const { key, runId } = await started(db());
    const first = await beginModel(db(), key, runId);
    const second = await beginModel(db(), key, runId);
    expect(await commitStep(db(), key, replyTo(runId, first))).toMatchObject({ outcome: 'stale' });
    expect(await commitStep(db(), key, replyTo(runId, second))).toMatchObject({ outcome: 'committed' });
  });

  test('a reply that has not seen a steering message does not end the run', async () => {
    const { key, runId } = await started(db());
    const position = await beginModel(db(), key, runId);
    await send(db(), key, { id: 'm2', content: 'and this', whileRunning: 'steer' });
    expect(await commitStep(db(), key, replyTo(runId, position))).toMatchObject({ outcome: 'committed', ended: false });
    const next = await beginModel(db(), key, runId);
    expect(next).toMatchObject({ step: 2, attempt: 1, activeMs: 100 });
    expect(await commitStep(db(), key, replyTo(runId, next))).toMatchObject({ ended: true });
  });

  test('usage that a provider did not tell is unknown, not zero', async () => {
    const { key, runId } = await started(db());
    const partly = { ...USAGE, cachedTokens: null };
    const step = replyTo(runId, await beginModel(db(), key, runId), {
      usage: partly,
      toolCalls: [call('c1', { refused: 'no' })],
    });
    await commitStep(db(), key, step);
    const last = await commitStep(db(), key, replyTo(runId, await beginModel(db(), key, runId)));
    const usage = { inputTokens: 20, outputTokens: 10, cachedTokens: null, reasoningTokens: 0 };
    expect(last.events.at(-1)).toMatchObject({ type: 'run.completed', usage });
    expect((await readSession(db(), key))?.usage).toEqual(usage);
  });

  test('a cancel keeps the text so far, marked as partial, of the newest attempt only', async () => {
    const { key, runId } = await started(db());
    const old = await beginModel(db(), key, runId);
    const position = await beginModel(db(), key, runId);
    const other = await started(db());
    const otherPosition = await beginModel(db(), other.key, other.runId);
    await beginModel(db(), other.key, other.runId);
    const stale = await commitRunEnd(db(), other.key, end(other.runId, CANCELLED, partialOf(otherPosition, 'half')));
    expect(stale.events.map((event) => event.type)).toEqual(['run.cancelled']);
    expect(old.attempt).toBe(1);
    const { events } = await commitRunEnd(db(), key, end(runId, CANCELLED, partialOf(position, 'half an ans')));
    expect(events.map((event) => event.type)).toEqual(['reasoning.completed', 'message.completed', 'run.cancelled']);
    expect(events[1]).toMatchObject({
      text: 'half an ans',
      partial: true,
      finish: 'cancelled',
      usage: null,
      attempt: 2,
    });
    expect(await commitRunEnd(db(), key, end(runId, CANCELLED))).toMatchObject({ status: 'cancelled', events: [] });
    expect(await commitStep(db(), key, replyTo(runId, position))).toMatchObject({ outcome: 'stale' });
  });

  test('a failing run fails its session if it is asked to', async () => {
    const { key, runId } = await started(db());
    await beginModel(db(), key, runId);
    const failed = await commitRunEnd(db(), key, { ...end(runId, FAILED), failSession: true });
    expect(failed).toMatchObject({ status: 'failed', session: 'failed' });
    expect(failed.events.map((event) => event.type)).toEqual(['run.failed', 'session.failed']);
    expect(await readSession(db(), key)).toMatchObject({ status: 'failed', errors: 1, endReason: 'no answer' });
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'failed', error: FAILED.error });
  });

  test('a queued run can be ended', async () => {
    const { key, runId } = await started(db());
    expect(await commitRunEnd(db(), key, end(runId, CANCELLED))).toMatchObject({ status: 'cancelled' });
  });

  test('a workflow that holds no state hears of every open run when it resumes one', async () => {
    const { key, runId } = await withCalls(db(), call('c1'));
    const waiting = await send(db(), key, { id: 'm2', content: 'and then?' });
    await commitRunEnd(db(), key, end(runId, FAILED));
    const { openRuns } = await requeueRun(db(), key, { runId, execution: 'after-a-loss' });
    expect(openRuns.map((run) => run.runId)).toEqual([waiting.runId, runId]);
  });

  test('a failed run goes on after its last committed step', async () => {
    const { key, runId } = await withCalls(db(), call('c1'));
    await commitRunEnd(db(), key, { ...end(runId, FAILED), failSession: true });
    const resumed = await requeueRun(db(), key, { runId, execution: null });
    expect(resumed).toMatchObject({ openRuns: [{ runId, ordinal: 2 }], session: { status: 'active' } });
    expect(resumed.events).toMatchObject([{ type: 'session.recovered', reason: 'reopened' }]);
    expect(await requeueRun(db(), key, { runId, execution: null })).toMatchObject({
      openRuns: resumed.openRuns,
      events: [],
    });
    const next = await beginStep(db(), key, { runId, pin: () => ({ hash: 'version-2', model: 'scripted/two' }) });
    expect(next).toMatchObject({
      kind: 'model',
      step: 2,
      attempt: 1,
      agentVersion: 'version-1',
      events: [{ type: 'run.started' }],
    });
    await expect(requeueRun(db(), key, { runId, execution: null })).rejects.toMatchObject({ code: 'run_in_progress' });
    if (next.kind === 'model') await commitStep(db(), key, replyTo(runId, next));
    await expect(requeueRun(db(), key, { runId, execution: null })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('ending a session cancels what is open in it, in one go', async () => {
    const { key, runId } = await withCalls(db(), call('c1'));
    const queued = await send(db(), key, { id: 'm2', content: '2' });
    const { events, cancelledRuns } = await commitSessionEnd(db(), key, { status: 'completed', reason: 'enough' });
    expect(cancelledRuns).toEqual([runId, queued.runId]);
    expect(events.map((event) => event.type)).toEqual([
      'tool.cancelled',
      'run.cancelled',
      'run.cancelled',
      'session.ended',
    ]);
    expect(await commitSessionEnd(db(), key, { status: 'completed', reason: 'enough' })).toEqual({
      events: [],
      cancelledRuns: [],
    });
    expect(await readSession(db(), key)).toMatchObject({ status: 'completed', endReason: 'enough' });
  });

  test('what is not there is said to be so', async () => {
    const { key } = await started(db());
    await expect(beginStep(db(), newKey(), { runId: 'x', pin })).rejects.toMatchObject({ code: 'not_found' });
    await expect(beginStep(db(), key, { runId: 'x', pin })).rejects.toMatchObject({ code: 'not_found' });
    await expect(
      startTool(db(), key, { runId: 'x', callId: 'y', idempotent: true, maxAttempts: 3 }),
    ).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('NUL and lone surrogates in what models and tools say become replacement characters', async () => {
    const { key, runId } = await started(db());
    const odd = 'a\u0000b\uD800c';
    const position = await beginModel(db(), key, runId);
    const committed = await commitStep(
      db(),
      key,
      replyTo(runId, position, { text: odd, toolCalls: [call('c1', { arguments: { [odd]: [odd] } })] }),
    );
    const outcome = { status: 'completed', result: odd } as const;
    const finished = await finishTools(db(), key, { runId, results: [{ callId: 'c1', outcome, durationMs: 1 }] });
    const clean = 'a\uFFFDb\uFFFDc';
    expect(committed.events).toMatchObject([{ text: clean }, { arguments: { [clean]: [clean] } }]);
    expect(finished.events).toMatchObject([{ result: clean }]);
    const { events } = await readEvents(db(), key, { after: 3, limit: 10 });
    expect(JSON.stringify(events)).toBe(JSON.stringify([...committed.events, ...finished.events]));
    expect(await readRun(db(), key, 'no\u0000run')).toBeNull();
  });
});
