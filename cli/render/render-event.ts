import { EMPTY_TEXT_VIEW, foldText, stepOf } from '../../core/text/text-view.ts';
import type { TextView } from '../../core/text/text-view.ts';
import { endsRun } from '../../contracts/session/event.ts';
import type { StreamEvent } from '../../contracts/session/event.ts';
import type { Look } from './look.ts';
import { renderFact } from './render-fact.ts';
import { harmless } from './show-text.ts';

/** What is on the screen so far. */
export interface Screen {
  /** The texts of the run that is going, which in a live look are the texts shown. */
  readonly view: TextView;
  /** What the unfinished last line belongs to; null at the start of a line. */
  readonly open: 'text' | 'reasoning' | null;
  /** When the run that is going started, ISO 8601. */
  readonly runStartedAt: string | null;
}

export const BLANK_SCREEN: Screen = { view: EMPTY_TEXT_VIEW, open: null, runStartedAt: null };

/** The screen after one more event, and what to write to get there. Pure. */
export function renderEvent(screen: Screen, event: StreamEvent, look: Look): { screen: Screen; text: string } {
  const view = foldText(screen.view, event);
  const { text, open } = isTextEvent(event)
    ? look.live
      ? liveText(screen, event, look)
      : { text: wholeText(event, look), open: null }
    : factText(screen, event, look);
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
function factText(screen: Screen, event: Exclude<StreamEvent, TextEvent>, look: Look): Shown {
  const lines = renderFact(event, look, screen.runStartedAt);
  if (lines.length === 0) return { text: '', open: screen.open };
  return { text: `${closed(screen)}${lines.join('\n')}\n`, open: null };
}

function wholeText(event: TextEvent, look: Look): string {
  if (event.type === 'reasoning.completed') return thoughtLines(event.text, look);
  if (event.type !== 'message.completed') return '';
  return event.text === '' ? '' : `${harmless(event.text)}\n${endNote(event, look)}`;
}

function thoughtLines(text: string, { paint }: Look): string {
  const lines = harmless(text).trim().split('\n');
  return lines[0] === '' ? '' : lines.map((line) => `${paint('dim', `~ ${line}`)}\n`).join('');
}

function liveText(screen: Screen, event: TextEvent, look: Look): Shown {
  const before = stepOf(screen.view, event.runId, event.step);
  const anew = event.attempt > before.attempt && before.attempt > 0;
  const wasShown = before.text !== '' || before.reasoning !== '';
  if (event.type === 'step.retracted') {
    return wasShown ? { text: closed(screen) + retraction(look), open: null } : { text: '', open: screen.open };
  }
  const part = event.type === 'message.delta' || event.type === 'message.completed' ? 'text' : 'reasoning';
  const after = stepOf(foldText(screen.view, event), event.runId, event.step)[part];
  const shown = anew ? '' : before[part];
  // What is on the screen cannot be taken back: a text that goes another way is shown again as a whole.
  const replaced = (anew && wasShown) || !after.startsWith(shown);
  const fresh = after.startsWith(shown) ? after.slice(shown.length) : after;
  const open = replaced ? null : screen.open;
  const lead = replaced ? closed(screen) + retraction(look) : '';
  const piece =
    fresh === '' ? '' : (open === part ? '' : closed({ ...screen, open })) + dressed(fresh, part, open !== part, look);
  const shownNow = { text: lead + piece, open: fresh === '' ? open : part } as const;
  if (event.type !== 'message.completed') return shownNow;
  return { text: shownNow.text + closed({ ...screen, open: shownNow.open }) + endNote(event, look), open: null };
}

function dressed(text: string, part: 'text' | 'reasoning', first: boolean, { paint }: Look): string {
  if (part === 'text') return harmless(text);
  return paint('dim', `${first ? '~ ' : ''}${harmless(text)}`);
}

function closed(screen: Pick<Screen, 'open'>): string {
  return screen.open === null ? '' : '\n';
}

function retraction({ paint }: Look): string {
  return `${paint('yellow', '↺ The model broke off. The text above is dropped; it is asked again.')}\n`;
}

function endNote(event: Extract<TextEvent, { type: 'message.completed' }>, { paint }: Look): string {
  if (event.partial) return `${paint('yellow', '■ Cut short here.')}\n`;
  if (event.finish === 'length') return `${paint('yellow', '■ The model reached its length limit here.')}\n`;
  if (event.finish === 'refusal') return `${paint('yellow', '■ The model refused to answer.')}\n`;
  return '';
}
