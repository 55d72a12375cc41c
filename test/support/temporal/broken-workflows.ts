import { sleep } from '@temporalio/workflow';
import { agentRun as run, agentSession as session } from '../../../workflows/agent-session.ts';

/** Workflows with a nondeterministic change: a timer that recorded histories do not have. */
export async function agentSession(carried?: unknown): Promise<void> {
  await sleep(1);
  await session(carried);
}

export async function agentRun(carried?: unknown): Promise<void> {
  await sleep(1);
  await run(carried);
}
