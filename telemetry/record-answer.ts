import type { InboxItem } from '../contracts/session/inbox-item.ts';
import type { Metrics } from './metrics.ts';

/** Records how long an item has waited for its answer. */
export function recordAnswer(
  metrics: Pick<Metrics, 'inboxSeconds'>,
  { kind, decision, requestedAt, answeredAt }: Pick<InboxItem, 'kind' | 'decision' | 'requestedAt' | 'answeredAt'>,
): void {
  if (answeredAt === null) return;
  const outcome = decision === 'approve' ? 'approved' : decision === 'reject' ? 'rejected' : 'answered';
  const seconds = (Date.parse(answeredAt) - Date.parse(requestedAt)) / 1_000;
  metrics.inboxSeconds.record({ kind, outcome }, Math.max(0, seconds));
}
