import type { SweepAction } from '../../contracts/maintenance.ts';

/** The entry in the report of a sweep for an action that failed. */
export function failedAction(
  action: SweepAction,
  error: unknown,
): { readonly action: 'error'; readonly reason: string } {
  const reason = `could not be ${action}: ${error instanceof Error ? error.message : 'unknown error'}`;
  return { action: 'error', reason: reason.slice(0, 500) };
}
