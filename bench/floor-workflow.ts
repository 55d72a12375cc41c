import { condition, defineUpdate, proxyActivities, setHandler } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1m' });

/** The minimal durable turn on Temporal: an update that runs one no-op activity. */
export const turn = defineUpdate<void, [input: { content: string }]>('turn');

export async function floor(): Promise<void> {
  setHandler(turn, () => nothing());
  await condition(() => false);
}
