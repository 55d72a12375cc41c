import type { RunFamily } from '../../../contracts/session/run-family.ts';
import { formatDuration } from '../../../core/text/format-duration.ts';
import { formatUsd } from '../../../core/text/format-usd.ts';
import { formatTable } from '../../render/format-table.ts';
import { stripControl } from '../../render/strip-control.ts';

/** The run that has made a run, and the tree of those that its calls have made; no lines for a run without them. */
export function childLines({ parent, children = [] }: RunFamily): string[] {
  const rows = children.map(({ level, tool, agent, callId, status, totalMs, costUsd, runId }) => [
    `${'  '.repeat(level - 1)}└ ${stripControl(tool)}`,
    stripControl(agent),
    stripControl(callId),
    status ?? 'deleted',
    totalMs === null ? '' : formatDuration(totalMs),
    costUsd === null ? '?' : formatUsd(costUsd),
    runId,
  ]);
  return [
    ...(parent
      ? [
          `called by run ${stripControl(parent.runId)} of session ${stripControl(parent.sessionId)}, call ${stripControl(parent.callId)}`,
        ]
      : []),
    ...(rows.length > 0 ? formatTable([['CALLED', 'AGENT', 'CALL', 'STATUS', 'TOOK', 'COST', 'RUN'], ...rows]) : []),
  ];
}
