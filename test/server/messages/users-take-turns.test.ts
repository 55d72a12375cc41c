import { expect, test } from 'vitest';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { registry, startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const SESSIONS = 200;
const POSTS_AT_ONCE = 60;
const OTHERS = 5;
/** Runs of the busy user that may begin before one of another user that was posted meanwhile: those that have their turn already. */
const MOST_BEFORE = 100;

test(
  'with 60 posts at once over 200 sessions of one user, a run of another one begins before those that were waiting',
  { timeout: 120_000 },
  async () => {
    const begun: string[] = [];
    await using stack = await startStack({
      temporal: await testTemporal(),
      model: (request) => {
        const content = lastUserMessage(request);
        begun.push(content);
        return content;
      },
    });
    const gateway = createGateway({ ...stack, agents: registry([{ name: 'assistant' }], []) });
    const post = async (user: string, session: string, content: string, prefer?: string): Promise<number> => {
      const response = await gateway.app.request(`/v1/sessions/${session}/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'perdure-user': user, ...(prefer ? { prefer } : {}) },
        body: JSON.stringify({ content }),
      });
      await response.text();
      return response.status;
    };
    const over = new AbortController();
    let sent = 0;
    const flood = Array.from({ length: POSTS_AT_ONCE }, async () => {
      while (!over.signal.aborted) await post('busy', `s${(sent += 1) % SESSIONS}`, 'busy');
    });
    await expect.poll(() => sent, { interval: 10 }).toBeGreaterThan(SESSIONS);
    const before: number[] = [];
    for (let other = 0; other < OTHERS; other += 1) {
      const from = begun.length;
      expect(await post(`other ${other}`, 'main', `other ${other}`, 'wait=60')).toBeLessThan(300);
      before.push(begun.indexOf(`other ${other}`) - from);
    }
    const waiting = await stack.db.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM perdure.runs WHERE status = 'queued'`,
      [],
    );
    over.abort();
    await Promise.all(flood);
    await gateway.close();
    console.log(`Runs of the busy user before one of another: ${before.join(', ')}; waiting: ${waiting[0]?.count}`);
    expect(Math.max(...before)).toBeLessThan(MOST_BEFORE);
  },
);
