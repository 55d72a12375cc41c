import { z } from 'zod';

/**
 * What an open run waits for. `queue`: runs of its session that are before it. `worker`: a worker that takes it, or goes on with it.
 * `paused`: an operator has paused it. `approval`, `client`: an answer to a tool call. `rate_limit`, `circuit`, `cool_down`: its
 * provider. `tool`, `model`: a call that is in progress.
 */
export const runWaitSchema = z.enum([
  'queue',
  'worker',
  'paused',
  'approval',
  'client',
  'rate_limit',
  'circuit',
  'cool_down',
  'tool',
  'model',
]);
export type RunWait = z.infer<typeof runWaitSchema>;
