import type { StreamEvent } from '../../contracts/session/event.ts';
import type { TextEvent } from '../../core/text/text-view.ts';
import type { Usage } from '../../contracts/session/run.ts';
import type { RenderOptions } from './render-options.ts';
import { formatCount } from './format-count.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { stripControl } from './strip-control.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import { oneLine } from './one-line.ts';

/** The lines for an event other than the model's text; none for events that are not shown or not known to this version. */
export function renderNotice(
  event: Exclude<StreamEvent, TextEvent>,
  { live, paint }: RenderOptions,
  runStartedAt: string | null,
): string[] {
  const dim = (text: string): string[] => [paint('dim', text)];
  switch (event.type) {
    case 'message.received':
      return stripControl(event.content)
        .split('\n')
        .map((line) => paint('bold', `> ${line}`));
    case 'message.refused':
      return [paint('red', `✗ A message was refused (${event.code}): ${oneLine(event.detail)}`)];
    case 'tool.called':
      return [paint('cyan', `→ ${event.tool} ${oneLine(event.arguments)}`)];
    case 'tool.progress':
      return live ? dim(`  ${event.tool}: ${oneLine(event.progress)}`) : [];
    case 'tool.completed':
      return [paint('cyan', `← ${event.tool} ${oneLine(event.result)}`)];
    case 'tool.failed':
      return [paint('red', `✗ ${event.tool} failed: ${oneLine(event.error)}`)];
    case 'tool.unknown':
      return [paint('yellow', `? ${event.tool}: unknown whether it took effect: ${oneLine(event.error)}`)];
    case 'tool.cancelled':
      return [paint('yellow', `■ ${event.tool} was cancelled: ${oneLine(event.error)}`)];
    case 'budget.warned':
      return [paint('yellow', budgetLine(event))];
    case 'budget.released':
      return dim(`Released the budget reserved for a lost model call of run ${event.runId}.`);
    case 'run.completed':
      return live ? dim(`  ${summarise(event, runStartedAt)}`) : [];
    case 'run.failed':
      return [paint('red', `✗ Run ${event.runId} failed (${event.error.code}): ${oneLine(event.error.detail)}`)];
    case 'run.cancelled':
      return [paint('yellow', `■ Run ${event.runId} was cancelled: ${oneLine(event.reason)}`)];
    case 'session.recovered':
      return dim(`The session ${RECOVERED[event.reason]}.`);
    case 'session.ended':
      return dim(`The session ended as ${event.status}${event.reason === null ? '' : `: ${oneLine(event.reason)}`}.`);
    case 'session.failed':
      return [paint('red', `✗ The session failed: ${oneLine(event.reason)}`)];
    case 'session.expired':
      return dim(`The session expired: ${oneLine(event.reason)}`);
    case 'session.archived':
      return dim('The session was archived.');
    case 'session.opened':
    case 'session.updated':
    case 'run.started':
      return [];
    default:
      event satisfies never;
      return [];
  }
}

const RECOVERED: Record<Extract<StreamEvent, { type: 'session.recovered' }>['reason'], string> = {
  workflow_lost: 'was recovered: its workflow was lost',
  reopened: 'was reopened after it had expired or failed',
  restored: 'was restored from its archive',
  imported: 'was imported',
};

function budgetLine({
  scope,
  unit,
  used,
  limit,
  kind,
  resetsAt,
}: Extract<StreamEvent, { type: 'budget.warned' }>): string {
  const format = (amount: number) => (unit === 'usd' ? formatUsd(amount) : formatCount(amount, 'token'));
  const reset = resetsAt === null ? '' : ` Resets at ${resetsAt}.`;
  return kind === 'limit'
    ? `! Budget of the ${scope}: ${format(used)} of ${format(limit)} used.${reset}`
    : `! Budget warning for the ${scope}: ${format(used)} used, over the threshold of ${format(limit)}. Requests are not refused.${reset}`;
}

function summarise(
  event: { at: string; steps: number; usage: Usage; costUsd?: number | null | undefined },
  runStartedAt: string | null,
): string {
  const { inputTokens, outputTokens } = event.usage;
  const tokens = inputTokens === null || outputTokens === null ? null : inputTokens + outputTokens;
  const parts = [formatCount(event.steps, 'step'), formatCount(tokens, 'token')];
  if (typeof event.costUsd === 'number') parts.push(formatUsd(event.costUsd));
  if (runStartedAt !== null) parts.push(formatDuration(Date.parse(event.at) - Date.parse(runStartedAt)));
  return parts.join(' · ');
}
