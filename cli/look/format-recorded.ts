import type { RecordedCounts } from '../../contracts/session/recorded-counts.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';

/** What an application has recorded, as one line: `3 requests, 1 error (33 %), 120 ms each; pages 12`. */
export function formatRecorded({
  requests,
  errors,
  errorRate,
  meanMs,
  processingTimeMs,
  counters,
}: RecordedCounts): string {
  const rate = errorRate === null ? '' : ` (${Math.round(errorRate * 100)} %)`;
  const time =
    meanMs === null
      ? processingTimeMs > 0
        ? [formatDuration(processingTimeMs)]
        : []
      : [`${formatDuration(meanMs)} each`];
  const own = [formatCount(requests, 'request'), `${formatCount(errors, 'error')}${rate}`, ...time].join(', ');
  const named = Object.entries(counters).map(
    ([name, amount]) => `${stripControl(name)} ${amount.toLocaleString('en')}`,
  );
  return [own, ...(named.length === 0 ? [] : [named.join(', ')])].join('; ');
}
