import { EMPTY_TEXT_VIEW, foldText, stepOf } from '../../core/text/text-view.ts';
import type { TextView } from '../../core/text/text-view.ts';
import { endsRun } from '../../contracts/session/event.ts';
import type { StreamEvent } from '../../contracts/session/event.ts';
import type { RenderOptions } from './render-options.ts';
import { renderNotice } from './render-notice.ts';
import { stripControl } from './strip-control.ts';

/** What is on the screen so far. */
export interface Screen {
  /** The texts of the run that is going, which in a live options are the texts shown. */
  readonly view: TextView;
  /** What the unfinished last line belongs to; null at the start of a line. */
  readonly open: 'text' | 'reasoning' | null;
  /** When the run that is going started, ISO 8601. */
  readonly runStartedAt: string | null;
}

export const BLANK_SCREEN: Screen = { view: EMPTY_TEXT_VIEW, open: null, runStartedAt: null };

/** The screen after one more event, and what to write to get there. Pure. */
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

type TextEvent = Extract<
  StreamEvent,
  { type: 'message.delta' | 'reasoning.delta' | 'step.retracted' | 'reasoning.completed' | 'message.completed' }
>;
type Shown = Pick<Screen, 'open'> & { readonly text: string };

function isTextEvent(event: StreamEvent): event is TextEvent {
  return (
    event.type === 'message.delta' ||
    event.type === 'reasoning.delta' ||
    event.type === 'step.retracted' ||
    event.type === 'reasoning.completed' ||
    event.type === 'message.completed'
  );
}

/** Everything that is not the model's text: a line of its own, or several. */
function noticeText(screen: Screen, event: Exclude<StreamEvent, TextEvent>, options: RenderOptions): Shown {
  const lines = renderNotice(event, options, screen.runStartedAt);
  if (lines.length === 0) return { text: '', open: screen.open };
  return { text: `${closed(screen)}${lines.join('\n')}\n`, open: null };
}

function wholeText(event: TextEvent, options: RenderOptions): string {
  if (event.type === 'reasoning.completed') return thoughtLines(event.text, options);
  if (event.type !== 'message.completed') return '';
  return event.text === '' ? '' : `${stripControl(event.text)}\n${endNote(event, options)}`;
}

function thoughtLines(text: string, { paint }: RenderOptions): string {
  const lines = stripControl(text).trim().split('\n');
  return lines[0] === '' ? '' : lines.map((line) => `${paint('dim', `~ ${line}`)}\n`).join('');
}

function liveText(screen: Screen, event: TextEvent, options: RenderOptions): Shown {
  const before = stepOf(screen.view, event.runId, event.step);
  const anew = event.attempt > before.attempt && before.attempt > 0;
  const wasShown = before.text !== '' || before.reasoning !== '';
  if (event.type === 'step.retracted') {
    return wasShown ? { text: closed(screen) + retraction(options), open: null } : { text: '', open: screen.open };
  }
  const part = event.type === 'message.delta' || event.type === 'message.completed' ? 'text' : 'reasoning';
  const after = stepOf(foldText(screen.view, event), event.runId, event.step)[part];
  const shown = anew ? '' : before[part];
  // What is on the screen cannot be taken back: a text that goes another way is shown again as a whole.
  const replaced = (anew && wasShown) || !after.startsWith(shown);
  const fresh = after.startsWith(shown) ? after.slice(shown.length) : after;
  const open = replaced ? null : screen.open;
  const lead = replaced ? closed(screen) + retraction(options) : '';
  const piece =
    fresh === ''
      ? ''
      : (open === part ? '' : closed({ ...screen, open })) + dressed(fresh, part, open !== part, options);
  const shownNow = { text: lead + piece, open: fresh === '' ? open : part } as const;
  if (event.type !== 'message.completed') return shownNow;
  return { text: shownNow.text + closed({ ...screen, open: shownNow.open }) + endNote(event, options), open: null };
}

function dressed(text: string, part: 'text' | 'reasoning', first: boolean, { paint }: RenderOptions): string {
  if (part === 'text') return stripControl(text);
  return paint('dim', `${first ? '~ ' : ''}${stripControl(text)}`);
}

function closed(screen: Pick<Screen, 'open'>): string {
  return screen.open === null ? '' : '\n';
}

function retraction({ paint }: RenderOptions): string {
  return `${paint('yellow', '↺ The model broke off. The text above is dropped; it is asked again.')}\n`;
}

function endNote(event: Extract<TextEvent, { type: 'message.completed' }>, { paint }: RenderOptions): string {
  if (event.partial) return `${paint('yellow', '■ Cut short here.')}\n`;
  if (event.finish === 'length') return `${paint('yellow', '■ The model reached its length limit here.')}\n`;
  if (event.finish === 'refusal') return `${paint('yellow', '■ The model refused to answer.')}\n`;
  return '';
}
