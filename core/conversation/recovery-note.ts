/** The `reason` of an event `session.recovered`. */
export type RecoveryReason = 'reopened' | 'restored' | 'imported' | 'workflow_lost';

const NOTES: Record<RecoveryReason, string> = {
  reopened:
    'This conversation had expired or failed, and was opened again. Time may have passed since the last message.',
  restored:
    'This conversation was archived, and was restored for this message. Time may have passed since the last one.',
  imported: 'This conversation was brought here from another installation. Tools may differ from those used before.',
  workflow_lost:
    'The service was interrupted and has recovered this conversation. Tool calls that were going on may not have finished; their results say so.',
};

/** The note about a recovery that is added to the model's instructions; empty without a recovery. */
export function recoveryNote(reason: RecoveryReason | null): string {
  return reason === null ? '' : `System note: ${NOTES[reason]}`;
}
