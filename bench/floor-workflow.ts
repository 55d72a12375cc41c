import { condition, defineUpdate, proxyActivities, setHandler } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1m' });

/** The least that a durable turn on Temporal can be: one update that runs one activity, which does nothing. */
export const turn = defineUpdate<void, [input: { content: string }]>('turn');

export async function floor(): Promise<void> {
  setHandler(turn, () => nothing());
  await condition(() => false);
}
