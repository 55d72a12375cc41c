import type { SweepAction } from '../../contracts/maintenance.ts';

/** What the report of a sweep says of a session to which something could not be done. */
export function failedAction(
  action: SweepAction,
  error: unknown,
): { readonly action: 'error'; readonly reason: string } {
  const reason = `it could not be ${action}: ${error instanceof Error ? error.message : 'no reason known'}`;
  return { action: 'error', reason: reason.slice(0, 500) };
}
