/** When the next reminder after `reminders` of them is due; null for none. Times in epoch ms. */
export function nextReminderMs(
  { requestedAtMs, expiresAtMs }: { readonly requestedAtMs: number; readonly expiresAtMs: number },
  remindMs: readonly number[],
  reminders: number,
): number | null {
  const after = remindMs[reminders];
  if (after === undefined) return null;
  const atMs = requestedAtMs + after;
  return atMs < expiresAtMs ? atMs : null;
}
