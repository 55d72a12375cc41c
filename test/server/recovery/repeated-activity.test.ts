import { expect, onTestFinished, test } from 'vitest';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { Db } from '../../../store/db/db.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { registry, startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

function ends(sql: string): boolean {
  return sql.includes('SET served_by = NULL');
}

/** A store in which the first activity that ends its serving does not return from the commit until `released`. */
function holdingFirstLeave(db: Db): { readonly db: Db; readonly left: Promise<void>; readonly release: () => void } {
  const left = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let isFirst = true;
  const hold = async (): Promise<void> => {
    if (!isFirst) return;
    isFirst = false;
    left.resolve();
    await released.promise;
  };
  const query: Db['query'] = async (sql, params) => {
    const rows = await db.query<never>(sql, params);
    if (ends(sql)) await hold();
    return rows;
  };
  const transaction: Db['transaction'] = async (work) => {
    let leaves = false;
    const done = await db.transaction((tx) =>
      work({
        ...tx,
        query: (sql, params) => {
          leaves ||= ends(sql);
          return tx.query(sql, params);
        },
      }),
    );
    if (leaves) await hold();
    return done;
  };
  return { db: { ...db, query, transaction }, left: left.promise, release: () => released.resolve() };
}

/** A session whose first activity has left, without Temporal having its result, and whose second one serves a held call. */
async function twoActivities() {
  const held = heldModel();
  const store = await openMemoryStore();
  onTestFinished(() => store.close());
  const { db, left, release } = holdingFirstLeave(store);
  const stack = await startStack({ temporal: await testTemporal(), model: held.model, db });
  onTestFinished(async () => {
    release();
    await stack[Symbol.asyncDispose]();
  });
  const gateway = createGateway({ ...stack, agents: registry([{ name: 'assistant' }], []) });
  onTestFinished(() => gateway.close());
  const key = stack.key();
  const send = async (content: string): Promise<void> => {
    const response = await gateway.app.request(`/v1/sessions/${key.session}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'perdure-user': key.user },
      body: JSON.stringify({ content }),
    });
    expect(response.status).toBe(202);
  };
  // An activity for a message of a Temporal client does not linger.
  await stack.sender.signal(key, { content: 'one' });
  await left;
  const workflow = stack.client.workflow.getHandle(workflowIdOf(key));
  const activities = async (): Promise<string[]> =>
    ((await workflow.describe()).raw.pendingActivities ?? []).map(({ activityId }) => activityId ?? '').toSorted();
  const [first = ''] = await activities();
  await send('hold two');
  const call = await held.call('hold two');
  return {
    stack,
    held,
    key,
    call,
    send,
    /** Makes Temporal repeat the first activity, and resolves once that attempt has returned. */
    repeatFirst: async () => {
      expect(await activities()).toHaveLength(2);
      const activity = { workflowId: workflowIdOf(key), activityId: first };
      await stack.client.activity.fail(activity, new Error('The worker is lost.'));
      await expect.poll(activities).not.toContain(first);
    },
  };
}

async function markOf(db: Db, { user, session }: SessionKey): Promise<object | undefined> {
  const [mark] = await db.query(
    'SELECT epoch, served_by FROM perdure.sessions WHERE user_id = $1 AND session_id = $2',
    [user, session],
  );
  return mark;
}

test('a repeated activity whose result was lost leaves the run alone that the activity after it executes', async () => {
  const { stack, held, key, call, repeatFirst } = await twoActivities();
  const mark = await markOf(stack.db, key);
  expect(mark).toMatchObject({ served_by: expect.any(String) });
  await repeatFirst();
  expect(await markOf(stack.db, key)).toEqual(mark);
  expect(held.calls('hold two')).toBe(1);
  call.answer('two');
  const events = await stack.ended(key, 2);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'two' });
  expect(events.filter(({ type }) => type === 'message.completed')).toHaveLength(2);
});

test('a repeated activity whose result was lost does not end the serving by the activity after it, which lingers', async () => {
  const { stack, held, key, call, send, repeatFirst } = await twoActivities();
  call.answer('two');
  await stack.ended(key, 2);
  const mark = await markOf(stack.db, key);
  await repeatFirst();
  expect(await markOf(stack.db, key)).toEqual(mark);
  await send('hold three');
  (await held.call('hold three')).answer('three');
  await stack.ended(key, 3);
  expect(await markOf(stack.db, key)).toEqual(mark);
});
