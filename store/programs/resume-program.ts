import type { ToolCallRow } from '../log/rows.ts';

/**
 * Lets the program that has made a call go on, if it is suspended: the call no longer waits. Returns the changed call of the program, which
 * the caller saves; null if there is none.
 */
export function resumeProgram(openCalls: readonly ToolCallRow[], { program }: ToolCallRow): ToolCallRow | null {
  const suspended = openCalls.find(({ call_id: id, status }) => id === program && status === 'waiting');
  if (!suspended) return null;
  suspended.status = 'pending';
  return suspended;
}
