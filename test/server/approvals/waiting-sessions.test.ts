import { expect, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { lastOutput, pay, startAskingStack } from '../../support/asking-stack.ts';

/** Sessions with a run that waits; 2,000 in the long version. */
const SESSIONS = Number(process.env['PERDURE_TEST_SESSIONS'] ?? 100);
const AT_ONCE = 20;

test(
  'runs that wait hold no activity, and the next session is answered',
  { timeout: 60_000 + SESSIONS * 300 },
  async () => {
    await using asking = await startAskingStack();
    const { stack } = asking;
    const keys = Array.from({ length: SESSIONS }, () => stack.key());
    for (let at = 0; at < SESSIONS; at += AT_ONCE) {
      await Promise.all(keys.slice(at, at + AT_ONCE).map(async (key) => await asking.ask(key, [pay(1)])));
    }
    const pendingActivities = async (): Promise<number> => {
      let pending = 0;
      for (const key of keys) {
        const { raw } = await stack.client.workflow.getHandle(workflowIdOf(key)).describe();
        pending += raw.pendingActivities?.length ?? 0;
      }
      return pending;
    };
    await expect.poll(pendingActivities, { timeout: 30_000 }).toBe(0);
    const next = stack.key();
    await stack.sender.submit(next, { content: 'hello' });
    expect(lastOutput(await stack.ended(next))).toBe('echo hello');
    expect(asking.payments).toEqual([]);
  },
);
