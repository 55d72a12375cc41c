import type { RunStatus, ToolStatus } from '../../contracts/session/run.ts';

/** Whether a run with this status has not ended. */
export function isOpen(status: RunStatus): boolean {
  return status === 'queued' || status === 'running' || status === 'waiting';
}

/** Whether a tool call with this status has no result. */
export function isOpenCall(status: ToolStatus): boolean {
  return status === 'pending' || status === 'running' || status === 'waiting';
}
