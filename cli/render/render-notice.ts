import type { StreamEvent } from '../../contracts/events/event.ts';
import type { TextEvent } from '../../core/text/text-view.ts';
import type { RenderOptions } from './render-options.ts';
import { formatCount } from './format-count.ts';
import { messageLines } from './message-lines.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import { itemNotice } from './item-notice.ts';
import { oneLine } from './one-line.ts';

/** The lines for an event other than the model's text; none for events that are not shown or not known to this version. */
export function renderNotice(
  event: Exclude<StreamEvent, TextEvent>,
  { live, paint }: RenderOptions,
  runSince: string | null,
): string[] {
  const dim = (text: string): string[] => [paint('dim', text)];
  switch (event.type) {
    case 'message.received':
      return messageLines(event).map((line) => paint('bold', `> ${line}`));
    case 'message.refused':
      return [paint('red', `✗ A message was refused (${event.code}): ${oneLine(event.detail)}`)];
    case 'input.decided':
      return decisionLines(event).flatMap(dim);
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
    case 'approval.requested':
    case 'approval.reminded':
    case 'approval.decided':
    case 'approval.expired':
    case 'approval.withdrawn':
    case 'client_call.requested':
    case 'client_call.reminded':
    case 'client_call.answered':
    case 'client_call.expired':
    case 'client_call.withdrawn':
      return [itemNotice(event, paint)];
    case 'context.rebuilt':
      return dim(`Sent ${oneLine(event.model)} the local transcript: ${REBUILT[event.reason]}.`);
    case 'context.summarized':
      return dim(`A summary stands for ${formatCount(event.entries, 'older message')} from now on.`);
    case 'budget.warned':
      return [paint('yellow', budgetLine(event))];
    case 'budget.released':
      return dim(`Released the budget reserved for a lost model call of run ${event.runId}.`);
    case 'run.completed':
      return live ? dim(`  ${summarise(event, runSince)}`) : [];
    case 'run.failed':
      return [paint('red', `✗ Run ${event.runId} failed (${event.error.code}): ${oneLine(event.error.detail)}`)];
    case 'run.cancelled':
      return [paint('yellow', `■ Run ${event.runId} was cancelled${reasonOf(event.reason)}`)];
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
    case 'attempt.failed':
      return [paint('yellow', retryLine(event))];
    // `reportWaits` reports waits, with what ends them.
    case 'run.waiting':
    case 'session.opened':
    case 'session.updated':
    case 'run.started':
      return [];
    default:
      event satisfies never;
      return [];
  }
}

/** The reason of a refusal is in the end of its run. */
function decisionLines({
  decision,
  changedBy = [],
}: Pick<Extract<StreamEvent, { type: 'input.decided' }>, 'decision' | 'changedBy'>): string[] {
  const changed = changedBy.length > 0 ? [`The message was changed by the middleware ${changedBy.join(', ')}.`] : [];
  return decision.kind === 'answer' ? [...changed, `The middleware ${decision.middleware} answers.`] : changed;
}

function retryLine({
  at,
  attempt,
  maxAttempts,
  code,
  detail,
  retryAt,
  nextModel,
}: Extract<StreamEvent, { type: 'attempt.failed' }>) {
  const next = `attempt ${attempt + 1}${maxAttempts === null ? '' : ` of ${maxAttempts}`}`;
  if (code === 'lost') return `↻ The worker stopped responding; another one continues with ${next}.`;
  const failed = detail === null ? `The model call failed (${code}).` : oneLine(detail);
  if (nextModel !== undefined) return `↻ ${failed} The model ${nextModel} is asked next.`;
  const inMs = retryAt === null ? 0 : Math.max(0, Date.parse(retryAt) - Date.parse(at));
  return `↻ ${failed} ${next.charAt(0).toUpperCase()}${next.slice(1)} in ${formatDuration(inMs)}.`;
}

const RECOVERED: Record<Extract<StreamEvent, { type: 'session.recovered' }>['reason'], string> = {
  workflow_lost: 'was recovered: its workflow was lost',
  store_restored: 'continues from a restored backup: its most recent messages may be missing',
  reopened: 'was reopened after it had expired or failed',
  restored: 'was restored from its archive',
  imported: 'was imported',
};

const REBUILT: Record<Extract<StreamEvent, { type: 'context.rebuilt' }>['reason'], string> = {
  lost: 'the provider no longer has the conversation',
  too_large: "the conversation at the provider exceeds the model's context window",
  other_model: 'another model has the conversation',
  unsettled: 'the conversation at the provider may contain replies that are not in the transcript',
  not_kept: 'the provider has none of the conversation',
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

function summarise(event: Extract<StreamEvent, { type: 'run.completed' }>, runSince: string | null): string {
  const { inputTokens, outputTokens } = event.usage;
  const tokens = inputTokens === null || outputTokens === null ? null : inputTokens + outputTokens;
  const by = event.answerModel === undefined ? [] : [event.answerModel];
  const parts = [...by, formatCount(event.steps, 'step'), formatCount(tokens, 'token')];
  if (typeof event.costUsd === 'number') parts.push(formatUsd(event.costUsd));
  if (runSince !== null) parts.push(formatDuration(Date.parse(event.at) - Date.parse(runSince)));
  return parts.join(' · ');
}

/** The reason of a cancel, unless it says no more than that there was one. */
function reasonOf(reason: string): string {
  return reason === 'cancelled' ? '.' : `: ${oneLine(reason)}`;
}
