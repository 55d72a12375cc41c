import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { SERVING_ACTIVITY } from '../../../contracts/names.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { callJson, pathOf } from '../../support/gateway/http-calls.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { activitiesIn, historyOf } from '../../support/temporal/raw-temporal.ts';

const SESSIONS = Number(process.env['PERDURE_TEST_SESSIONS'] ?? 300);
const AT_ONCE = 10;

test('sessions that have been served and are idle have no activity', { timeout: 60_000 + SESSIONS * 200 }, async () => {
  const { home, temporal } = await startDeployment({ config: 'serving:\n  lingerMs: 1000\n' });
  const [gateway, worker] = await Promise.all([home.start('gateway'), home.start('worker')]);
  const memoryBefore = residentMiB(worker.pid);
  const sessions = Array.from({ length: SESSIONS }, (_, n) => `s${n}`);
  const answer = async (session: string): Promise<void> => {
    const message = { content: '@echo=hello' };
    await callJson(callerOf(gateway, session), 'POST', pathOf(session, 'messages'), message, { prefer: 'wait=60' });
  };
  await each(sessions, answer);
  await each(sessions, async (session) => {
    const pending = async () =>
      (await temporal.workflow.getHandle(workflowOf(session)).describe()).raw.pendingActivities ?? [];
    await expect.poll(pending, { timeout: 30_000, interval: 100 }).toEqual([]);
    const history = await historyOf(temporal, workflowOf(session));
    expect(activitiesIn(history).map(({ type }) => type)).toEqual([SERVING_ACTIVITY]);
    expect(history.filter((event) => event.activityTaskCompletedEventAttributes)).toHaveLength(1);
  });
  const memory = residentMiB(worker.pid);
  await each(sessions.slice(0, AT_ONCE), answer);
  console.log(
    `${SESSIONS} idle sessions: the worker has ${memory} MiB, ${memoryBefore} MiB before the first one (resident)`,
  );
  await Promise.all([gateway.stop(), worker.stop()]);
});

function workflowOf(session: string): string {
  return workflowIdOf({ user: session, session });
}

/** Acts for all, some at once. */
async function each(sessions: readonly string[], act: (session: string) => Promise<void>): Promise<void> {
  const left = sessions.values();
  const actOnSome = async (): Promise<void> => {
    for (const session of left) await act(session);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, actOnSome));
}

function residentMiB(pid: number): number {
  return Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1_024);
}
