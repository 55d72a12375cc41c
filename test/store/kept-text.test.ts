import { expect, test } from 'vitest';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { commitStep } from '../../store/steps/commit-step.ts';
import { commitSessionEnd } from '../../store/sessions/commit-session-end.ts';
import { cancelOpenRun } from '../../store/sessions/cancel-open-run.ts';
import { describeStores } from '../support/store/databases.ts';
import { beginModel, newKey, replyTo, send } from './conversation.ts';

const CANCELLED = { status: 'cancelled', reason: 'cancelled' } as const;

describeStores(['pglite', 'postgres'], (db) => {
  const begun = async () => {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: 'hi' });
    const position = await beginModel(db(), key, runId);
    const kept = { runId, step: position.step, attempt: position.attempt, text: 'Once upon', reasoning: 'hm' };
    return { key, runId, position, kept };
  };
  const partial = expect.objectContaining({ type: 'message.completed', text: 'Once upon', partial: true });

  test('the text of a lost worker is the partial reply of the run that is cancelled, with what the model was given', async () => {
    const { key, runId, position, kept } = await begun();
    await send(db(), key, { id: 'm2', content: 'not yet seen', whileRunning: 'steer' });
    const { events } = await commitRunEnd(db(), key, {
      runId,
      end: CANCELLED,
      partial: null,
      kept,
      failSession: false,
    });
    expect(events.map(({ type }) => type)).toEqual(['reasoning.completed', 'message.completed', 'run.cancelled']);
    expect(events[1]).toMatchObject({
      text: 'Once upon',
      partial: true,
      finish: 'cancelled',
      throughSeq: position.throughSeq,
    });
  });

  test('so it is for whoever cancels a run in the store, or ends the session', async () => {
    const one = await begun();
    const cancelled = await cancelOpenRun(db(), one.key, { runId: one.runId, execution: null, kept: one.kept });
    expect(cancelled.events).toContainEqual(partial);
    const two = await begun();
    const ended = await commitSessionEnd(db(), two.key, { status: 'completed', reason: null, kept: two.kept });
    expect(ended.events).toContainEqual(partial);
  });

  test('a text of another attempt or run, of a step that is committed, or of a run that fails changes nothing', async () => {
    const other = await begun();
    const changes = [{ attempt: 2 }, { step: 2 }, { runId: other.runId }, { text: '' }];
    for (const change of changes) {
      const { key, runId, kept } = await begun();
      const end = { runId, end: CANCELLED, partial: null, kept: { ...kept, ...change }, failSession: false };
      expect((await commitRunEnd(db(), key, end)).events.map(({ type }) => type)).toEqual(['run.cancelled']);
    }
    const failed = await begun();
    const end = { status: 'failed', error: { code: 'run_timeout', detail: 'too slow' } } as const;
    const { events } = await commitRunEnd(db(), failed.key, { ...failed, end, partial: null, failSession: false });
    expect(events.map(({ type }) => type)).toEqual(['run.failed']);
    const answered = await begun();
    await commitStep(db(), answered.key, replyTo(answered.runId, answered.position));
    const late = await commitRunEnd(db(), answered.key, {
      ...answered,
      end: CANCELLED,
      partial: null,
      failSession: false,
    });
    expect(late).toMatchObject({ status: 'completed', events: [] });
  });
});
