import type { Client } from '@temporalio/client';
import type { SessionCommands } from '../../activities/shared/temporal/session-commands.ts';
import { createTemporalSender } from '../../client/temporal/temporal-sender.ts';

/** How long a worker may take to answer a command: this one, or another that is busy. */
const ACK_TIMEOUT_MS = 5_000;

/** Commands to workflows, over the worker's own client. */
export function sessionCommands(client: Client, taskQueue: string): SessionCommands {
  return createTemporalSender({ client, taskQueue, ackTimeoutMs: ACK_TIMEOUT_MS });
}
