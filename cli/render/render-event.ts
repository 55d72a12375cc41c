import { EMPTY_TEXT_VIEW, foldText, isTextEvent, stepOf } from '../../core/text/text-view.ts';
import type { TextEvent, TextView } from '../../core/text/text-view.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { RejectedAnswer } from '../../contracts/output/output.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import type { RenderOptions } from './render-options.ts';
import { renderNotice } from './render-notice.ts';
import { admittedAt } from './admitted-at.ts';
import { attribute, runHeading, UNATTRIBUTED, type Attribution } from './run-heading.ts';
import { stripControl } from './strip-control.ts';
import { LINE_START, wrapEnd, wrapPiece, wrapText, type WrapState } from './word-wrap.ts';

/** The state of the output. */
export interface Screen {
  /** The texts of the current run. With `live` they are on the screen. */
  readonly view: TextView;
  /** The kind of text on the unfinished last line; null at the start of a line. */
  readonly open: 'text' | 'reasoning' | null;
  /** The unfinished last line, with the word that is not written yet. */
  readonly wrap: WrapState;
  /** When the current run was admitted, otherwise when it started; ISO 8601. */
  readonly runSince: string | null;
  readonly attribution: Attribution;
}

export const BLANK_SCREEN: Screen = {
  view: EMPTY_TEXT_VIEW,
  open: null,
  wrap: LINE_START,
  runSince: null,
  attribution: UNATTRIBUTED,
};

/** Returns the next state and the text to write for one more event. Pure. */
export function renderEvent(
  screen: Screen,
  event: StreamEvent,
  options: RenderOptions,
): { screen: Screen; text: string } {
  const heading = runHeading(screen.attribution, event, options);
  const from = heading === null ? screen : { ...screen, ...CLOSED };
  const body = bodyOf(from, event, options);
  const isShown = body.text !== '' || body.open !== from.open;
  const lead = heading === null || !isShown ? '' : `${endOfLine(screen, options)}${heading}\n`;
  const { open, wrap } = heading !== null && !isShown ? screen : body;
  const next: Screen = {
    view: foldText(screen.view, event),
    open,
    wrap,
    runSince: event.type === 'run.started' ? (admittedAt(event.runId) ?? event.at) : screen.runSince,
    attribution: isShown || endsRun(event.type) ? attribute(screen.attribution, event) : screen.attribution,
  };
  return {
    text: lead + body.text,
    screen: endsRun(event.type) ? { ...BLANK_SCREEN, attribution: next.attribution } : next,
  };
}

/** For events that continue others, which were shown elsewhere: even the first run has a heading. */
export const RESUMED_SCREEN: Screen = { ...BLANK_SCREEN, attribution: { ...UNATTRIBUTED, above: '' } };

/** The start of a line. */
const CLOSED = { open: null, wrap: LINE_START } as const;

/** A text to write, and the last line after it. */
type Shown = Pick<Screen, 'open' | 'wrap'> & { readonly text: string };

function bodyOf(screen: Screen, event: StreamEvent, options: RenderOptions): Shown {
  if (!isTextEvent(event)) return noticeText(screen, event, options);
  return options.live ? liveText(screen, event, options) : { text: wholeText(event, options), ...CLOSED };
}

/** Renders events other than the model's text on lines of their own. */
function noticeText(screen: Screen, event: Exclude<StreamEvent, TextEvent>, options: RenderOptions): Shown {
  const lines = renderNotice(event, options, screen.runSince);
  if (lines.length === 0) return { text: '', open: screen.open, wrap: screen.wrap };
  const notice = lines.map((line) => `${wrapText(line, options.width)}\n`).join('');
  return { text: endOfLine(screen, options) + notice, ...CLOSED };
}

function wholeText(event: TextEvent, options: RenderOptions): string {
  switch (event.type) {
    case 'reasoning.completed':
      return reasoningLines(event.text, options);
    case 'message.completed':
      return event.text === '' && !event.rejected ? '' : `${stripControl(event.text)}\n${endNote(event, options)}`;
    case 'message.delta':
    case 'reasoning.delta':
    case 'step.retracted':
      return '';
  }
}

function reasoningLines(text: string, { paint }: RenderOptions): string {
  const lines = stripControl(text).trim().split('\n');
  return lines[0] === '' ? '' : lines.map((line) => `${paint('dim', `~ ${line}`)}\n`).join('');
}

function liveText(screen: Screen, event: TextEvent, options: RenderOptions): Shown {
  const before = stepOf(screen.view, event.runId, event.step);
  const isRetry = event.attempt > before.attempt && before.attempt > 0;
  const wasShown = before.text !== '' || before.reasoning !== '';
  const retracted = { text: endOfLine(screen, options) + retraction(options), ...CLOSED };
  const { open, wrap } = screen;
  if (event.type === 'step.retracted') return wasShown ? retracted : { text: '', open, wrap };
  const part = event.type === 'message.delta' || event.type === 'message.completed' ? 'text' : 'reasoning';
  const after = stepOf(foldText(screen.view, event), event.runId, event.step)[part];
  const shown = isRetry ? '' : before[part];
  // Printed text cannot be removed: a text that does not continue it is printed again from its start.
  const replaced = (isRetry && wasShown) || !after.startsWith(shown);
  const fresh = after.startsWith(shown) ? after.slice(shown.length) : after;
  const from = replaced ? retracted : { text: '', open, wrap };
  const to = fresh === '' ? from : appended(from, fresh, part, options);
  if (event.type !== 'message.completed') return to;
  return { text: to.text + endOfLine(to, options) + endNote(event, options), ...CLOSED };
}

/** Continues the open line if it is of the same kind of text; otherwise begins one. */
function appended(from: Shown, fresh: string, part: 'text' | 'reasoning', options: RenderOptions): Shown {
  const continues = from.open === part;
  const lead = from.text + (continues ? '' : endOfLine(from, options));
  const piece = `${part === 'reasoning' && !continues ? '~ ' : ''}${stripControl(fresh)}`;
  const start = continues ? from.wrap : LINE_START;
  const wrapped = options.width === undefined ? { text: piece, state: start } : wrapPiece(start, piece, options.width);
  return { text: lead + styled(wrapped.text, part, options), open: part, wrap: wrapped.state };
}

function styled(text: string, part: 'text' | 'reasoning', { paint }: RenderOptions): string {
  return part === 'text' || text === '' ? text : paint('dim', text);
}

/** What ends the open line, with the word that is not written yet. */
export function endOfLine(
  { open, wrap }: Pick<Screen, 'open' | 'wrap'>,
  options: Pick<RenderOptions, 'paint' | 'width' | 'live'>,
): string {
  const isOver = options.width !== undefined && wrap.column === 0 && wrap.word === '';
  return open === null || isOver ? '' : `${styled(wrapEnd(wrap, options.width ?? Infinity), open, options)}\n`;
}

function retraction({ paint }: RenderOptions): string {
  return `${paint('yellow', '↺ The model call was interrupted. Discarding the text above and retrying.')}\n`;
}

function endNote(event: Extract<TextEvent, { type: 'message.completed' }>, options: RenderOptions): string {
  const { paint } = options;
  return (
    omissionLine(event, options) +
    stopNote(event, options) +
    (event.rejected ? `${paint('yellow', rejectedLine(event.rejected))}\n` : '')
  );
}

/** States that the model was not given the whole conversation, since an answer may lack what it needed. */
function omissionLine(
  { omitted = 0 }: Extract<TextEvent, { type: 'message.completed' }>,
  { paint }: RenderOptions,
): string {
  if (omitted === 0) return '';
  const messages = omitted === 1 ? '1 older message was' : `${omitted.toLocaleString('en')} older messages were`;
  return `${paint('dim', `· ${messages} left out: the context window has no room.`)}\n`;
}

function rejectedLine({ repair }: RejectedAnswer): string {
  if (repair === null) return '■ The answer does not match its schema.';
  return `↻ The answer does not match its schema. Repair ${repair} of at most ${LIMITS.outputRepairs.value}.`;
}

function stopNote(event: Extract<TextEvent, { type: 'message.completed' }>, { paint }: RenderOptions): string {
  if (event.partial) return `${paint('yellow', '■ Cut short here.')}\n`;
  if (event.finish === 'length') return `${paint('yellow', '■ The model reached its length limit here.')}\n`;
  if (event.finish === 'refusal') return `${paint('yellow', '■ The model refused to answer.')}\n`;
  return '';
}
