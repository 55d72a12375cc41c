import type { StreamEvent } from '../../contracts/session/event.ts';
import { applyDelta } from './apply-delta.ts';

/** The text of one step as far as it is known. */
export interface StepText {
  readonly runId: string;
  readonly step: number;
  /** The highest try of the model call that was seen; 0 before any. */
  readonly attempt: number;
  readonly reasoning: string;
  readonly text: string;
  /** True once `text` is the committed one. */
  readonly complete: boolean;
}

/** The steps that were seen, in the order in which they began. */
export interface TextView {
  readonly steps: readonly StepText[];
}

export const EMPTY_TEXT_VIEW: TextView = { steps: [] };

/** What a reader knows after one more event. Pure; events that carry no text change nothing. */
export function foldText(view: TextView, event: StreamEvent): TextView {
  switch (event.type) {
    case 'message.delta':
    case 'reasoning.delta':
    case 'step.retracted':
    case 'reasoning.completed':
    case 'message.completed':
      break;
    default:
      return view;
  }
  const known = stepOf(view, event.runId, event.step);
  const next = foldStep(known, event);
  if (next === known) return view;
  return view.steps.includes(known)
    ? { steps: view.steps.map((step) => (step === known ? next : step)) }
    : { steps: [...view.steps, next] };
}

/** The text of one step; an empty one when nothing of it was seen. */
export function stepOf(view: TextView, runId: string, step: number): StepText {
  const known = view.steps.findLast((candidate) => candidate.runId === runId && candidate.step === step);
  return known ?? { runId, step, attempt: 0, reasoning: '', text: '', complete: false };
}

type TextEvent = Extract<
  StreamEvent,
  { type: 'message.delta' | 'reasoning.delta' | 'step.retracted' | 'reasoning.completed' | 'message.completed' }
>;

function foldStep(known: StepText, event: TextEvent): StepText {
  // Text and thoughts are committed together; only the thoughts may be read after the text.
  if (known.complete && event.type !== 'reasoning.completed') return known;
  switch (event.type) {
    case 'reasoning.completed':
      return { ...begun(known, event.attempt), reasoning: event.text };
    case 'message.completed':
      return { ...begun(known, event.attempt), text: event.text, complete: true };
    case 'step.retracted':
      if (event.attempt < known.attempt) return known;
      // The next try may have the same texts again, so the retracted one must not be waited for.
      return { ...known, attempt: event.attempt + 1, reasoning: '', text: '' };
    case 'message.delta':
    case 'reasoning.delta': {
      if (event.attempt < known.attempt) return known;
      const base = begun(known, event.attempt);
      const part = event.type === 'message.delta' ? 'text' : 'reasoning';
      const grown = applyDelta({ attempt: base.attempt, text: base[part] }, event);
      return grown.text === base[part] && base === known ? known : { ...base, [part]: grown.text };
    }
  }
}

/** A higher try begins both texts anew. */
function begun(known: StepText, attempt: number): StepText {
  return attempt > known.attempt ? { ...known, attempt, reasoning: '', text: '' } : known;
}
