import { expect, test } from 'vitest';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { finishTools } from '../../../store/runs/finish-tools.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { releaseTool } from '../../../store/runs/release-tool.ts';
import { startTool } from '../../../store/runs/start-tool.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, call, pin, replyTo, withCalls } from '../conversation.ts';

const CANCELLED = { status: 'cancelled', reason: 'cancelled' } as const;

describeStores(DATABASES, (db) => {
  test('a refused call has failed at once, and the next step is a model call', async () => {
    const { key, runId } = await withCalls(db(), call('c1', { refused: 'no such tool' }));
    const { events } = await readEvents(db(), key, { after: 3, limit: 10 });
    expect(events.map((event) => event.type)).toEqual(['message.completed', 'tool.called', 'tool.failed']);
    expect(await beginModel(db(), key, runId)).toMatchObject({ step: 2 });
  });

  test('a run with open calls waits for their results', async () => {
    const { key, runId } = await withCalls(
      db(),
      call('c1', { inPlace: true }),
      call('c2', { arguments: { b: 1, a: [null] } }),
    );
    const position = await beginStep(db(), key, { runId, pin });
    expect(position).toMatchObject({
      kind: 'tools',
      step: 1,
      calls: [
        { callId: 'c1', status: 'running', attempts: 1 },
        { callId: 'c2', status: 'pending', attempts: 0, arguments: { b: 1, a: [null] }, startedAt: null },
      ],
    });
    const done = { status: 'completed', result: { ok: true } } as const;
    const { events } = await finishTools(db(), key, {
      runId,
      results: [{ callId: 'c1', outcome: done, durationMs: 3 }],
    });
    expect(events).toMatchObject([
      { type: 'tool.completed', callId: 'c1', result: { ok: true }, attempts: 1, durationMs: 3 },
    ]);
    expect(await beginStep(db(), key, { runId, pin })).toMatchObject({ kind: 'tools', calls: [{ callId: 'c2' }] });
  });

  test('results that come with the beginning of a step are recorded before it', async () => {
    const { key, runId } = await withCalls(db(), call('c1', { inPlace: true }), call('c2', { inPlace: true }));
    const done = { outcome: { status: 'completed', result: 1 }, durationMs: 3 } as const;
    const half = await beginStep(db(), key, { runId, pin, results: [{ callId: 'c1', ...done }] });
    expect(half).toMatchObject({ kind: 'tools', calls: [{ callId: 'c2' }], events: [{ callId: 'c1' }] });
    const rest = await beginStep(db(), key, {
      runId,
      pin,
      results: ['c1', 'c2'].map((callId) => ({ callId, ...done })),
    });
    expect(rest).toMatchObject({ kind: 'model', step: 2, attempt: 1 });
    expect(rest.events).toMatchObject([{ type: 'tool.completed', callId: 'c2', result: 1 }]);
    expect(rest.kind === 'model' && rest.throughSeq).toBe(rest.events[0]?.seq);
  });

  test('a call gets exactly one result', async () => {
    const { key, runId } = await withCalls(db(), call('c1', { inPlace: true }));
    const failed = { callId: 'c1', outcome: { status: 'failed', error: 'x' }, durationMs: 1 } as const;
    const { events } = await finishTools(db(), key, { runId, results: [failed, failed] });
    expect(events).toHaveLength(1);
    expect((await finishTools(db(), key, { runId, results: [failed] })).events).toEqual([]);
    expect(await startTool(db(), key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 })).toEqual({
      claim: 'closed',
      status: 'failed',
      events: [],
    });
    expect(await readRun(db(), key, runId)).toMatchObject({
      toolCalls: [{ status: 'failed', error: 'x', result: null }],
    });
  });

  test('an idempotent call is run again with the same key', async () => {
    const { key, runId } = await withCalls(db(), call('c1', { arguments: { z: 1, a: 2 } }));
    const first = await startTool(db(), key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
    const second = await startTool(db(), key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
    expect(first).toMatchObject({ claim: 'run', attempt: 1, tool: 'clock', step: 1, arguments: { z: 1, a: 2 } });
    expect(second).toEqual({ ...first, attempt: 2 });
  });

  test('a call that may not be repeated ends as unknown when it is claimed twice', async () => {
    const { key, runId } = await withCalls(db(), call('c1', { idempotent: false }));
    await startTool(db(), key, { runId, callId: 'c1', idempotent: false, maxAttempts: 3 });
    const second = await startTool(db(), key, { runId, callId: 'c1', idempotent: false, maxAttempts: 3 });
    expect(second).toMatchObject({
      claim: 'closed',
      status: 'unknown',
      events: [{ type: 'tool.unknown', attempts: 1 }],
    });
    expect(await beginModel(db(), key, runId)).toMatchObject({ step: 2 });
  });

  test('an idempotent call whose attempts have all lost their worker ends as unknown', async () => {
    const { key, runId } = await withCalls(db(), call('c1'));
    const claim = { runId, callId: 'c1', idempotent: true, maxAttempts: 2 };
    await startTool(db(), key, claim);
    expect(await startTool(db(), key, claim)).toMatchObject({ claim: 'run', attempt: 2 });
    expect(await startTool(db(), key, claim)).toMatchObject({
      claim: 'closed',
      status: 'unknown',
      events: [{ type: 'tool.unknown', attempts: 2, error: expect.stringMatching(/attempt 2 of at most 2/) }],
    });
  });

  test('a call whose tool is idempotent by its pinned version only, and no longer by its code, ends as unknown', async () => {
    const { key, runId } = await withCalls(db(), call('c1', { idempotent: true }));
    await startTool(db(), key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
    expect(await startTool(db(), key, { runId, callId: 'c1', idempotent: false, maxAttempts: 3 })).toMatchObject({
      claim: 'closed',
      status: 'unknown',
    });
  });

  test('an attempt that its worker gave up is not counted, unless the call was claimed again since', async () => {
    const { key, runId } = await withCalls(db(), call('c1'));
    const claim = { runId, callId: 'c1', idempotent: true, maxAttempts: 2 };
    await startTool(db(), key, claim);
    await releaseTool(db(), key, { runId, callId: 'c1', workedMs: 0, abandoned: 1 });
    expect(await startTool(db(), key, claim)).toMatchObject({ claim: 'run', attempt: 1 });
    expect(await startTool(db(), key, claim)).toMatchObject({ claim: 'run', attempt: 2 });
    await releaseTool(db(), key, { runId, callId: 'c1', workedMs: 0, abandoned: 1 });
    expect(await startTool(db(), key, claim)).toMatchObject({ claim: 'closed', status: 'unknown' });
  });

  test('a released call may be claimed again', async () => {
    const { key, runId } = await withCalls(db(), call('c1', { idempotent: false }));
    await startTool(db(), key, { runId, callId: 'c1', idempotent: false, maxAttempts: 3 });
    await releaseTool(db(), key, { runId, callId: 'c1', workedMs: 1 });
    expect(await startTool(db(), key, { runId, callId: 'c1', idempotent: false, maxAttempts: 3 })).toMatchObject({
      claim: 'run',
      attempt: 2,
    });
  });

  test('a call id that comes twice in a run is refused and nothing is committed', async () => {
    const { key, runId } = await withCalls(db(), call('c1', { refused: 'no' }));
    const step = replyTo(runId, await beginModel(db(), key, runId), { toolCalls: [call('c1')] });
    await expect(commitStep(db(), key, step)).rejects.toMatchObject({ name: 'PerdureError', code: 'internal' });
    expect(await commitStep(db(), key, replyTo(runId, { step: 2, attempt: 1, throughSeq: 100 }))).toMatchObject({
      outcome: 'committed',
    });
  });

  test('ending a run gives every open call its one result', async () => {
    const calls = [call('p'), call('r', { inPlace: true }), call('n', { inPlace: true, idempotent: false })];
    const { key, runId } = await withCalls(db(), ...calls);
    const { status, events } = await commitRunEnd(db(), key, {
      runId,
      end: CANCELLED,
      partial: null,
      failSession: false,
    });
    expect(status).toBe('cancelled');
    expect(events.map((event) => ('callId' in event ? [event.type, event.callId] : event.type))).toEqual([
      ['tool.cancelled', 'p'],
      ['tool.cancelled', 'r'],
      ['tool.unknown', 'n'],
      'run.cancelled',
    ]);
    // Each is a sentence: the model reads another after it.
    const errors = events.flatMap((event) =>
      'error' in event && typeof event.error === 'string' ? [event.error] : [],
    );
    expect(errors).toHaveLength(3);
    for (const error of errors) expect(error).toMatch(/^[A-Z].*\.$/);
    const late = { callId: 'r', outcome: { status: 'completed', result: 1 }, durationMs: 1 } as const;
    expect((await finishTools(db(), key, { runId, results: [late] })).events).toEqual([]);
  });

  test("tools count as their run's working time: side by side the longest, and tries that failed too", async () => {
    const outcome = { status: 'completed', result: 1 } as const;
    const quick = await withCalls(db(), call('c1', { inPlace: true }), call('c2', { inPlace: true }));
    const results = [
      { callId: 'c1', outcome, durationMs: 300 },
      { callId: 'c2', outcome, durationMs: 100, workedMs: 700 },
    ];
    // 100 ms of the working time are the model call's.
    expect(await beginStep(db(), quick.key, { runId: quick.runId, pin, results })).toMatchObject({ activeMs: 800 });

    const { key, runId } = await withCalls(db(), call('c1'));
    await startTool(db(), key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
    await releaseTool(db(), key, { runId, callId: 'c1', workedMs: 2_000 });
    await startTool(db(), key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
    await finishTools(db(), key, { runId, results: [{ callId: 'c1', outcome, durationMs: 3_000 }] });
    expect(await beginModel(db(), key, runId)).toMatchObject({ activeMs: 5_100 });
  });
});
