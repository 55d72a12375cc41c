/** Entry of the workflow bundle. The name of an export is the workflow type. */
export { agentSession, agentRun } from './agent-session.ts';
export { batch } from './batch/batch.ts';
export { erasure } from './erasure/erasure.ts';
export { maintenance } from './maintenance.ts';
