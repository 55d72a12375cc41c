import { condition, defineQuery, defineUpdate, setHandler } from '@temporalio/workflow';

/** Workflows that never return control to their thread. */

export async function endlessAtStart(): Promise<void> {
  loop();
}

/** In a microtask, which the SDK runs after it has called the workflow. */
export async function endlessAfterAwait(): Promise<void> {
  await Promise.resolve();
  loop();
}

export async function endlessInCondition(): Promise<void> {
  await condition(() => loop());
}

export async function endlessInUpdate(): Promise<void> {
  setHandler(defineUpdate('loop'), () => loop());
  await condition(() => false);
}

export async function endlessInQuery(): Promise<void> {
  setHandler(defineQuery('loop'), () => loop());
  await condition(() => false);
}

export async function fine(): Promise<string> {
  await Promise.resolve();
  return 'fine';
}

function loop(): never {
  for (;;);
}
