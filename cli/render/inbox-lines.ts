import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import type { Paint } from '../shared/command-deps.ts';
import { shortItemId } from '../shared/short-id.ts';
import { ASK_USER, userQuestionOf } from '../shared/questions/user-question.ts';
import { formatTime, type TimeStyle } from './format-time.ts';
import { oneLine } from './one-line.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { stripControl } from './strip-control.ts';

/** The rows of a table of items; with a column for the user where `withUser`. */
export function inboxRows(items: readonly InboxItem[], style: TimeStyle, withUser = false): string[][] {
  const rows = items.map((item) => [
    shortItemId(item.id, style.terminal),
    kindOf(item),
    stripControl(item.tool),
    argumentsOf(item),
    ...(withUser ? [stripControl(item.user)] : []),
    stripControl(item.sessionId),
    formatTime(item.requestedAt, style),
    item.status === 'pending' ? formatTime(item.expiresAt, style) : outcomeOf(item),
  ]);
  const user = withUser ? ['USER'] : [];
  return [['ITEM', 'KIND', 'TOOL', 'ARGUMENTS', ...user, 'SESSION', 'SINCE', 'UNTIL'], ...rows];
}

/** Of a question of an MCP server, the question and the server, without the form. */
function argumentsOf({ tool, arguments: args }: Pick<InboxItem, 'tool' | 'arguments'>): string {
  const { question, server } = userQuestionOf(args);
  return tool === ASK_USER && server ? `${oneLine(question)} (${stripControl(server)})` : oneLine(args);
}

/** `approval`, `question` of the tool `ask_user`, or `client call`. */
function kindOf({ kind, tool }: Pick<InboxItem, 'kind' | 'tool'>): string {
  if (kind === 'approval') return 'approval';
  return tool === ASK_USER ? 'question' : 'client call';
}

const DECIDED = { approve: 'approved', reject: 'rejected', decline: 'declined', cancel: 'closed' } as const;

/** How an item was settled, and by whom. */
export function outcomeOf({ status, decision, answeredBy }: InboxItem): string {
  if (status === 'pending') return 'waits';
  if (status !== 'answered') return status;
  const what = decision === null ? 'answered' : DECIDED[decision];
  return answeredBy === null ? what : `${what} by ${stripControl(answeredBy)}`;
}

/** The commands that answer an item. `of`: the owner of its session, where that is another user. */
export function answerCommands({ id, kind, tool }: Pick<InboxItem, 'id' | 'kind' | 'tool'>, of?: string): string[] {
  const owner = of === undefined ? '' : ` --of ${shellQuote(of)}`;
  if (kind === 'approval') return [`perdure approve ${id}${owner}`, `perdure reject ${id}${owner} --reason WHY`];
  return [`perdure answer ${id}${owner} ${tool === ASK_USER ? 'TEXT' : '--result JSON'}`];
}

/** One sentence on what a run waits for, and how to answer. */
export function waitSentence(item: Pick<InboxItem, 'id' | 'kind' | 'tool'>): string {
  const tool = stripControl(item.tool);
  const [first = '', second] = answerCommands(item);
  if (second !== undefined)
    return `The run waits for an approval of the tool ${tool}. Answer with: ${first}, or ${second}`;
  const what = item.tool === ASK_USER ? 'an answer to its question' : `a client's result of the tool ${tool}`;
  return `The run waits for ${what}. Answer with: ${first}`;
}

/** The arguments of a call as lines: one for each field of an object. */
export function argumentLines(args: unknown, paint: Paint): string[] {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return [`    ${oneLine(args)}`];
  const fields = Object.entries(args);
  const width = Math.min(24, Math.max(0, ...fields.map(([name]) => name.length)));
  return fields.map(([name, value]) => `    ${paint('dim', stripControl(name).padEnd(width))}  ${oneLine(value)}`);
}
