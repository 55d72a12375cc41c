import type { RecoveryReason } from '../../contracts/session/session.ts';

const NOTES: Record<RecoveryReason, string> = {
  reopened:
    'This conversation had expired or failed, and was opened again. Time may have passed since the last message.',
  restored:
    'This conversation was archived, and was restored for this message. Time may have passed since the last one.',
  imported: 'This conversation was brought here from another installation. Tools may differ from those used before.',
  workflow_lost:
    'The service was interrupted and has recovered this conversation. Tool calls that were going on may not have finished; their results say so.',
  store_restored:
    'The data of this conversation was restored from a backup. The most recent messages and the effects of tools may be missing from it.',
};

/** The note that is added to the model's instructions when its provider was to keep the conversation, and the transcript was sent instead. */
export const REBUILT_NOTE =
  'System note: The earlier conversation was restored from a record. Details that were not recorded, such as earlier reasoning, are missing from it.';

/** The note about a recovery that is added to the model's instructions; empty without a recovery. */
export function recoveryNote(reason: RecoveryReason | null): string {
  return reason === null ? '' : `System note: ${NOTES[reason]}`;
}
