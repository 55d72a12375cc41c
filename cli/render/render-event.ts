import { EMPTY_TEXT_VIEW, foldText, isTextEvent, stepOf } from '../../core/text/text-view.ts';
import type { TextEvent, TextView } from '../../core/text/text-view.ts';
import { endsRun } from '../../contracts/session/event.ts';
import type { StreamEvent } from '../../contracts/session/event.ts';
import type { RenderOptions } from './render-options.ts';
import { renderNotice } from './render-notice.ts';
import { stripControl } from './strip-control.ts';

/** The state of the output. */
export interface Screen {
  /** The texts of the current run. With `live` they are on the screen. */
  readonly view: TextView;
  /** The kind of text on the unfinished last line; null at the start of a line. */
  readonly open: 'text' | 'reasoning' | null;
  /** Start of the current run, ISO 8601. */
  readonly runStartedAt: string | null;
}

export const BLANK_SCREEN: Screen = { view: EMPTY_TEXT_VIEW, open: null, runStartedAt: null };

/** Returns the next state and the text to write for one more event. Pure. */
export function renderEvent(
  screen: Screen,
  event: StreamEvent,
  options: RenderOptions,
): { screen: Screen; text: string } {
  const view = foldText(screen.view, event);
  const { text, open } = isTextEvent(event)
    ? options.live
      ? liveText(screen, event, options)
      : { text: wholeText(event, options), open: null }
    : noticeText(screen, event, options);
  const next = { ...screen, view, open };
  if (event.type === 'run.started') return { text, screen: { ...next, runStartedAt: event.at } };
  if (endsRun(event.type)) return { text, screen: { ...BLANK_SCREEN } };
  return { text, screen: next };
}

type Shown = Pick<Screen, 'open'> & { readonly text: string };

/** Renders events other than the model's text on lines of their own. */
function noticeText(screen: Screen, event: Exclude<StreamEvent, TextEvent>, options: RenderOptions): Shown {
  const lines = renderNotice(event, options, screen.runStartedAt);
  if (lines.length === 0) return { text: '', open: screen.open };
  return { text: `${lineEnd(screen)}${lines.join('\n')}\n`, open: null };
}

function wholeText(event: TextEvent, options: RenderOptions): string {
  switch (event.type) {
    case 'reasoning.completed':
      return reasoningLines(event.text, options);
    case 'message.completed':
      return event.text === '' ? '' : `${stripControl(event.text)}\n${endNote(event, options)}`;
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
  if (event.type === 'step.retracted') {
    return wasShown ? { text: lineEnd(screen) + retraction(options), open: null } : { text: '', open: screen.open };
  }
  const part = event.type === 'message.delta' || event.type === 'message.completed' ? 'text' : 'reasoning';
  const after = stepOf(foldText(screen.view, event), event.runId, event.step)[part];
  const shown = isRetry ? '' : before[part];
  // Printed text cannot be removed: a text that does not continue it is printed again from its start.
  const replaced = (isRetry && wasShown) || !after.startsWith(shown);
  const fresh = after.startsWith(shown) ? after.slice(shown.length) : after;
  const open = replaced ? null : screen.open;
  const lead = replaced ? lineEnd(screen) + retraction(options) : '';
  const piece =
    fresh === ''
      ? ''
      : (open === part ? '' : lineEnd({ ...screen, open })) + styled(fresh, part, open !== part, options);
  const shownNow = { text: lead + piece, open: fresh === '' ? open : part } as const;
  if (event.type !== 'message.completed') return shownNow;
  return { text: shownNow.text + lineEnd({ ...screen, open: shownNow.open }) + endNote(event, options), open: null };
}

function styled(text: string, part: 'text' | 'reasoning', first: boolean, { paint }: RenderOptions): string {
  if (part === 'text') return stripControl(text);
  return paint('dim', `${first ? '~ ' : ''}${stripControl(text)}`);
}

function lineEnd(screen: Pick<Screen, 'open'>): string {
  return screen.open === null ? '' : '\n';
}

function retraction({ paint }: RenderOptions): string {
  return `${paint('yellow', '↺ The model call was interrupted. Discarding the text above and retrying.')}\n`;
}

function endNote(event: Extract<TextEvent, { type: 'message.completed' }>, { paint }: RenderOptions): string {
  if (event.partial) return `${paint('yellow', '■ Cut short here.')}\n`;
  if (event.finish === 'length') return `${paint('yellow', '■ The model reached its length limit here.')}\n`;
  if (event.finish === 'refusal') return `${paint('yellow', '■ The model refused to answer.')}\n`;
  return '';
}
