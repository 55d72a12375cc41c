import { expect, test } from 'vitest';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { serveGateway } from '../../../gateway/serve-gateway.ts';
import { registry, startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const USERS = 400;
/** Senders, each of whom waits for the response to a message: not so many that admitting in this process leaves the worker none of it. */
const AT_ONCE = 16;
/** Refusals after which the load ends. */
const REFUSALS = 100;
const MOST_MESSAGES = 8_000;
/** Keeps the process busy, so that it can do about so many runs a second that a short load is too much. */
const BUSY_MS = 10;

test(
  'of more than can be done, every accepted message is answered, and every refused one has 429 or 503 and leaves no trace',
  { timeout: 240_000 },
  async () => {
    await using stack = await startStack({
      temporal: await testTemporal(),
      model() {
        for (const until = performance.now() + BUSY_MS; performance.now() < until;);
        return 'Done.';
      },
    });
    const { db } = stack;
    const deployment = { limits: { maxEstimatedWaitMs: 1_000 } };
    const gateway = createGateway({ ...stack, deployment, agents: registry([{ name: 'assistant' }], []) });
    const served = await serveGateway({ gateway, port: 0 });
    const post = (index: number) =>
      fetch(`${served.url}/v1/sessions/s${index % USERS}/messages`, {
        method: 'POST',
        headers: { 'perdure-user': `user ${index % USERS}`, 'content-type': 'application/json' },
        body: JSON.stringify({ id: `m${index}`, content: 'hi' }),
      });
    const accepted: number[] = [];
    const refused: number[] = [];
    let sent = 0;
    const load = Array.from({ length: AT_ONCE }, async () => {
      while (refused.length < REFUSALS && sent < MOST_MESSAGES) {
        const index = (sent += 1);
        const response = await post(index);
        if (response.status === 202) {
          accepted.push(index);
          await response.body?.cancel();
          continue;
        }
        refused.push(index);
        expect([429, 503]).toContain(response.status);
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        expect(['rate_limited', 'overloaded']).toContain(((await response.json()) as { code: string }).code);
      }
    });
    await Promise.all(load);
    console.log(`${accepted.length} messages were accepted and ${refused.length} refused.`);
    expect(refused.length).toBeGreaterThanOrEqual(REFUSALS);

    // A message that was accepted has its receipt also now.
    expect((await post(accepted.at(-1) ?? 0)).status).toBe(202);
    const count = async (sql: string) =>
      (await db.query<{ count: number }>(`SELECT count(*)::int AS count ${sql}`, []))[0]?.count;
    await expect
      .poll(() => count(`FROM perdure.runs WHERE status = 'completed'`), { timeout: 180_000, interval: 500 })
      .toBe(accepted.length);
    expect(await count('FROM perdure.messages')).toBe(accepted.length);
    expect(await count('FROM perdure.runs')).toBe(accepted.length);
    const ids = refused.map((index) => `m${index}`);
    expect(
      await db.query(`SELECT 1 FROM perdure.messages WHERE message_id IN (SELECT json_array_elements_text($1::json))`, [
        JSON.stringify(ids),
      ]),
    ).toEqual([]);

    // Refusals are not remembered: with nothing else to do, the same message is accepted.
    expect((await post(refused[0] ?? 0)).status).toBe(202);
    await served.close();
    await gateway.close();
  },
);
