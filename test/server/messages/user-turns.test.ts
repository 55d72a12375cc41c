import { expect, test } from 'vitest';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { Db } from '../../../store/db/db.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { registry, startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const SESSIONS = 400;
const AT_ONCE = 60;
const MESSAGES = 2_000;
/** The messages before which none is answered, so that runs wait on a machine of any speed. */
const UNANSWERED = 1_000;
/** Messages of the other user, one after the other, each to a new session. */
const OTHERS = 10;

test('the runs of a user who floods do not all begin before those of another user', { timeout: 240_000 }, async () => {
  const flooded = Promise.withResolvers<void>();
  await using stack = await startStack({
    temporal: await testTemporal(),
    model: async (request) => {
      if (lastUserMessage(request) === 'flood') await flooded.promise;
      return 'Done.';
    },
  });
  const { db } = stack;
  // None of the flood is refused: its turns are what is tested.
  const deployment = { limits: { maxEstimatedWaitMs: 0, requestsPerSecondPerUser: 1_000_000 } };
  const gateway = createGateway({ ...stack, deployment, agents: registry([{ name: 'assistant' }], []) });
  const post = (user: string, session: string, content: string, headers: Record<string, string> = {}) =>
    gateway.app.request(`/v1/sessions/${session}/messages`, {
      method: 'POST',
      headers: { 'perdure-user': user, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ content }),
    });
  let sent = 0;
  const flood = Array.from({ length: AT_ONCE }, async () => {
    while (sent < MESSAGES) {
      sent += 1;
      if (sent === UNANSWERED) flooded.resolve();
      const accepted = await post('flood', `s${sent % SESSIONS}`, 'flood');
      expect(accepted.status).toBe(202);
      await accepted.body?.cancel();
    }
  });
  await flooded.promise;

  const overtaken: number[] = [];
  for (let index = 0; index < OTHERS; index += 1) {
    const waiting = await waitingOf(db, 'flood');
    const answered = await post('other', `o${index}`, 'hi', { prefer: 'wait=200' });
    expect(await answered.json()).toMatchObject({ status: 'completed' });
    // Otherwise there are not enough runs that could have gone first.
    if (waiting > 200) overtaken.push((await begunBefore(db, `o${index}`)) / waiting);
  }
  await Promise.all(flood);
  await gateway.close();
  console.log(
    `Share of the flood that began while a run of the other user waited: ${overtaken.map((share) => share.toFixed(2)).join(', ')}`,
  );
  expect(overtaken.length).toBeGreaterThan(1);
  const median = overtaken.toSorted((a, b) => a - b)[Math.floor(overtaken.length / 2)];
  expect(median).toBeLessThan(0.5);
});

async function waitingOf(db: Db, user: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM perdure.runs WHERE user_id = $1 AND status = 'queued'`,
    [user],
  );
  return row?.count ?? 0;
}

/** The runs of the flood that began after the other user's run was admitted and before it began. */
async function begunBefore(db: Db, session: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM perdure.runs f
       JOIN perdure.runs o ON o.user_id = 'other' AND o.session_id = $1
      WHERE f.user_id = 'flood' AND f.started_at > o.created_at AND f.started_at < o.started_at`,
    [session],
  );
  return row?.count ?? 0;
}
