import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { SIGNAL } from '../../../contracts/names.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { executionsOf, failedTasks, rawPayload, rawSignal } from '../../support/temporal/raw-temporal.ts';
import { startStack } from '../../support/stack.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

const CONTINUATIONS = Number(process.env['PERDURE_TEST_CONTINUATIONS'] ?? 10);
const SIGNAL_EVERY_MS = 20;
/** Fewer than a session may queue. */
const MAX_OPEN = 900;
/** The number of events from which Temporal suggests continue-as-new, and what may be in progress then. */
const EVENTS = { suggested: 100, most: 3_000 };

test(
  'with 50 signals a second over many continue-as-news, every signal has its run, once and in order, and histories stay bounded',
  { timeout: 60_000 + CONTINUATIONS * 10_000 },
  async () => {
    const temporal = await privateTemporal({ suggestContinueAsNewAt: EVENTS.suggested });
    onTestFinished(() => temporal.stop());
    await using stack = await startStack({
      temporal: temporal.address,
      agents: [{ name: 'assistant', policy: { contextRuns: 2 } }],
      model: (request) => `echo ${lastUserMessage(request)}`,
    });
    const key = stack.key();
    const workflowId = workflowIdOf(key);
    await stack.sender.submit(key, { id: 'm0', content: 'm0' });

    /** Reading all events each time would take longer than the runs. */
    const ended = async (): Promise<number> => {
      const [row] = await stack.db.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM perdure.runs WHERE user_id = $1 AND session_id = $2 AND status = 'completed'`,
        [key.user, key.session],
      );
      return row?.count ?? 0;
    };
    const runIds = new Set<string>();
    const handle = stack.client.workflow.getHandle(workflowId);
    let sent = 1;
    for (const startedAt = Date.now(); runIds.size <= CONTINUATIONS; sent += 1) {
      await rawSignal(stack.client, workflowId, SIGNAL.submitMessage, [
        rawPayload(JSON.stringify({ id: `m${sent}`, content: `m${sent}` })),
      ]);
      await delay(Math.max(0, startedAt + sent * SIGNAL_EVERY_MS - Date.now()));
      if (sent % 25 > 0) continue;
      runIds.add((await handle.describe()).runId);
      while (sent - (await ended()) > MAX_OPEN) await delay(SIGNAL_EVERY_MS);
    }
    await expect.poll(ended, { timeout: 30_000 + CONTINUATIONS * 5_000, interval: 200 }).toBe(sent);
    const events = await stack.events(key);

    const ids = Array.from({ length: sent }, (_, n) => `m${n}`);
    const received = events.flatMap((event) => (event.type === 'message.received' ? [event] : []));
    expect(received.map(({ messageId }) => messageId)).toEqual(ids);
    expect(events.flatMap((event) => (event.type === 'run.started' ? [event.runId] : []))).toEqual(
      received.map(({ runId }) => runId),
    );
    expect(events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []))).toEqual(
      ids.map((id) => `echo ${id}`),
    );
    const histories = await executionsOf(stack.client, workflowId);
    const lengths = histories.map((history) => history.length);
    expect(histories.length).toBeGreaterThan(CONTINUATIONS);
    expect(Math.max(...lengths)).toBeLessThan(EVENTS.most);
    expect(histories.flatMap(failedTasks)).toEqual([]);
    console.log(`${sent} signals over ${histories.length} executions of at most ${Math.max(...lengths)} events`);
  },
);
