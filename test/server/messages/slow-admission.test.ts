import { expect, onTestFinished, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../../store/db/db.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { replaySession } from '../../support/temporal/replay-session.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

test('a session replays whose message was still being admitted when its workflow task ended and its run went on', async () => {
  const store = await openMemoryStore();
  onTestFinished(() => store.close());
  const admission = holdThirdAdmission(store);
  const held = heldModel();
  await using stack = await startStack({
    temporal: await testTemporal(),
    db: admission.db,
    model: held.model,
  });
  const key = stack.key();
  const workflowId = workflowIdOf(key);
  // A workflow task is completed at half its timeout even though a local activity still runs.
  await stack.client.workflow.signalWithStart('agentSession', {
    workflowId,
    taskQueue: stack.taskQueue,
    workflowTaskTimeout: '1s',
    signal: 'submitMessage',
    signalArgs: [{ content: 'hold one' }],
  });
  const handle = stack.client.workflow.getHandle(workflowId);
  const history = () => handle.fetchHistory();
  const recorded = async (holds: (names: readonly string[]) => boolean) => {
    for (;;) {
      const { events } = await history();
      if (holds((events ?? []).map((event) => Object.keys(event).find((name) => name.endsWith('Attributes')) ?? '')))
        return;
    }
  };

  const call = await held.call('hold one');
  await stack.sender.submit(key, { content: 'two' });
  await stack.sender.signal(key, { content: 'three' });
  await admission.begun;
  await recorded((names) => {
    const signalled = names.lastIndexOf('workflowExecutionSignaledEventAttributes');
    return names.indexOf('workflowTaskCompletedEventAttributes', signalled) > 0;
  });
  call.answer('one');
  await stack.sender.signal(key, { content: 'four' });
  await recorded(
    (names) => count(names, 'activityTaskCompleted') > 0 && count(names, 'workflowExecutionSignaled') === 3,
  );
  admission.release();

  const events = await stack.ended(key, 4);
  const outputs = events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []));
  expect(outputs).toEqual(['one', 'echo two', 'echo three', 'echo four']);
  await expect(replaySession(stack.client, key)).resolves.toBeUndefined();
});

function count(names: readonly string[], name: string): number {
  return names.filter((one) => one === `${name}EventAttributes`).length;
}

/** A store whose third admission is committed but not answered until `release`. */
function holdThirdAdmission(db: Db): { db: Db; begun: Promise<void>; release: () => void } {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let admissions = 0;
  const answered = async (): Promise<void> => {
    admissions += 1;
    if (admissions !== 3) return;
    begun.resolve();
    await released.promise;
  };
  return {
    begun: begun.promise,
    release: () => released.resolve(),
    db: {
      ...db,
      transaction: async (work) => {
        const result = await db.transaction(work);
        if (typeof result === 'object' && result && 'results' in result) await answered();
        return result;
      },
      attempt: async (sql, params) => {
        const rows = await db.attempt(sql, params);
        if (rows?.length === 1 && sql.includes('INSERT INTO perdure.messages')) await answered();
        return rows as never;
      },
    },
  };
}
