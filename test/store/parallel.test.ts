import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { commitAdmissions } from '../../store/admission/commit-admissions.ts';
import { commitStep } from '../../store/steps/commit-step.ts';
import type { Db } from '../../store/db/db.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { finishTools } from '../../store/runs/finish-tools.ts';
import { getOrCreateSession } from '../../store/sessions/get-or-create-session.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { readRun } from '../../store/read/read-run.ts';
import { startTool } from '../../store/runs/start-tool.ts';
import { patchSession } from '../../store/sessions/patch-session.ts';
import { describeStores } from '../support/store/databases.ts';
import { admission, beginModel, call, converse, newKey, replyTo, send } from './conversation.ts';

async function eventsOf(db: Db, key: SessionKey): Promise<PerdureEvent[]> {
  return (await readEvents(db, key, { after: 0, limit: 1_000 })).events;
}

const times = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

// On a server: PGlite has one connection, so it cannot show locking errors.
describeStores(['postgres'], (db) => {
  test('a hundred admissions of one id at once give one run and one receipt', async () => {
    const key = newKey();
    const sent = await times(100, () => send(db(), key, { id: 'm1', content: 'hi' }));
    expect(new Set(sent.map(({ receipt }) => JSON.stringify(receipt))).size).toBe(1);
    expect(sent.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(sent.filter(({ created }) => created)).toHaveLength(1);
    expect((await eventsOf(db(), key)).map((event) => event.type)).toEqual(['session.opened', 'message.received']);
  });

  test('opening a session at once by many creates it once', async () => {
    const key = newKey();
    const opened = await times(30, () =>
      getOrCreateSession(db(), key, { agent: 'assistant', kind: 'session', execution: null }),
    );
    expect(opened.filter(({ created }) => created)).toHaveLength(1);
    expect(await eventsOf(db(), key)).toHaveLength(1);
  });

  test('appends to fifty sessions at once leave no gap and no repeat in seq, and times never go back', async () => {
    const keys = Array.from({ length: 50 }, () => newKey());
    await times(50, (index) => {
      const key = keys[index] as SessionKey;
      return times<unknown>(6, (n) =>
        n % 2 === 0
          ? send(db(), key, { id: `m${n}`, content: `${n}` })
          : getOrCreateSession(db(), key, { agent: 'assistant', kind: 'session', execution: null }).then(() =>
              patchSession(db(), key, { metadata: { [`k${n}`]: n } }),
            ),
      );
    });
    for (const key of keys) {
      const events = await eventsOf(db(), key);
      expect(events.map((event) => event.seq)).toEqual(Array.from({ length: 7 }, (_, index) => index + 1));
      expect(events.map((event) => event.at)).toEqual(events.map((event) => event.at).toSorted());
    }
  });

  test('a message that steers while the last reply is committed is consumed or gets a run of its own', async () => {
    const outcomes = await times(40, async () => {
      const key = newKey();
      const { runId } = await send(db(), key, { id: 'm1', content: '1' });
      const position = await beginModel(db(), key, runId);
      const [steering, commit] = await Promise.all([
        send(db(), key, { id: 'm2', content: '2', whileRunning: 'steer' }),
        commitStep(db(), key, replyTo(runId, position)),
      ]);
      const ended = commit.outcome === 'committed' && commit.ended;
      expect(ended).toBe(steering.runId !== runId);
      expect(steering.receipt.disposition).toBe(ended ? 'started' : 'steered');
      expect((await readRun(db(), key, steering.runId))?.status).toBe(ended ? 'queued' : 'running');
      return ended;
    });
    expect(outcomes).toHaveLength(40);
  });

  test('a commit and a cancel at once leave one end', async () => {
    await times(30, async () => {
      const key = newKey();
      const { runId } = await send(db(), key, { id: 'm1', content: '1' });
      const position = await beginModel(db(), key, runId);
      const [commit, cancel] = await Promise.all([
        commitStep(db(), key, replyTo(runId, position)),
        commitRunEnd(db(), key, {
          runId,
          end: { status: 'cancelled', reason: 'cancelled' },
          partial: null,
          failSession: false,
        }),
      ]);
      expect(cancel.status).toBe(commit.outcome === 'committed' ? 'completed' : 'cancelled');
      expect(
        (await eventsOf(db(), key)).filter(({ type }) => type === 'run.completed' || type === 'run.cancelled'),
      ).toHaveLength(1);
    });
  });

  test('a call that is claimed and finished by many at once has one result', async () => {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: '1' });
    await commitStep(db(), key, replyTo(runId, await beginModel(db(), key, runId), { toolCalls: [call('c1')] }));
    const claims = await times(10, () =>
      startTool(db(), key, { runId, callId: 'c1', idempotent: true, maxAttempts: 10 }),
    );
    expect(claims.map((claim) => (claim.claim === 'run' ? claim.attempt : 0)).toSorted((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    const outcome = { status: 'completed', result: 1 } as const;
    const finished = await times(10, () =>
      finishTools(db(), key, { runId, results: [{ callId: 'c1', outcome, durationMs: 1 }] }),
    );
    expect(finished.flatMap(({ events }) => events)).toHaveLength(1);
  });

  test('batches and single messages under overlapping ids are each taken once', async () => {
    const key = newKey();
    const messages = Array.from({ length: 5 }, (_, index) => ({ id: `m${index}`, content: `${index}` }));
    await Promise.all([
      ...messages.map((message) => send(db(), key, message)),
      commitAdmissions(db(), key, admission({ messages })),
      commitAdmissions(db(), key, admission({ messages: messages.toReversed() })),
    ]);
    const received = (await eventsOf(db(), key)).flatMap((event) =>
      event.type === 'message.received' ? [event.messageId] : [],
    );
    expect(received.toSorted()).toEqual(messages.map(({ id }) => id));
  });

  test('conversations of many users at once stay apart', async () => {
    const users = ['a:b', 'a', '%41', 'A', 'жуль', 'user/x', ' ', "o'hara"];
    const keys = users.flatMap((user) =>
      ['b:c', 'c', '%', '話'].map((session) => ({ user: `${user}${newKey().session}`, session })),
    );
    await times(keys.length, async (index) => {
      const key = keys[index] as SessionKey;
      for (const n of [1, 2]) await converse(db(), key, `m${n}`, `${key.user} ${key.session} ${n}`);
    });
    for (const key of keys) {
      const texts = (await eventsOf(db(), key)).flatMap((event) =>
        event.type === 'message.completed' ? [event.text] : [],
      );
      expect(texts).toEqual([1, 2].map((n) => `answer to ${key.user} ${key.session} ${n}`));
    }
  });
});
