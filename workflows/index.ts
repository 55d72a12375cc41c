/** What the worker bundles. A workflow type's name is its export's name. */
export { agentSession, agentRun } from './agent-session.ts';
export { maintenance } from './maintenance.ts';
