import type { StreamEvent } from '../../contracts/events/event.ts';
import { applyDelta } from './apply-delta.ts';

/** The text of one step so far. */
export interface StepText {
  readonly runId: string;
  readonly step: number;
  /** The highest attempt of the model call seen so far; 0 before the first. */
  readonly attempt: number;
  readonly reasoning: string;
  readonly text: string;
  /** True once `text` is the committed text. */
  readonly complete: boolean;
}

/** The steps seen so far, in the order in which they started. */
export interface TextView {
  readonly steps: readonly StepText[];
}

export const EMPTY_TEXT_VIEW: TextView = { steps: [] };

/** The view after an event. Pure. Events without text return the view unchanged. */
export function foldText(view: TextView, event: StreamEvent): TextView {
  if (!isTextEvent(event)) return view;
  const known = stepOf(view, event.runId, event.step);
  const next = foldStep(known, event);
  if (next === known) return view;
  return view.steps.includes(known)
    ? { steps: view.steps.map((step) => (step === known ? next : step)) }
    : { steps: [...view.steps, next] };
}

/** The text of one step; an empty one before its first event. */
export function stepOf(view: TextView, runId: string, step: number): StepText {
  const known = view.steps.findLast((candidate) => candidate.runId === runId && candidate.step === step);
  return known ?? { runId, step, attempt: 0, reasoning: '', text: '', complete: false };
}

/** Whether an event changes the text of a step. */
const CHANGES_TEXT = {
  'session.opened': false,
  'session.recovered': false,
  'session.updated': false,
  'session.ended': false,
  'session.failed': false,
  'session.expired': false,
  'session.archived': false,
  'message.received': false,
  'message.refused': false,
  'input.decided': false,
  'run.started': false,
  'reasoning.completed': true,
  'message.completed': true,
  'context.rebuilt': false,
  'tool.called': false,
  'tool.completed': false,
  'tool.failed': false,
  'tool.unknown': false,
  'tool.cancelled': false,
  'approval.requested': false,
  'approval.reminded': false,
  'approval.decided': false,
  'approval.expired': false,
  'approval.withdrawn': false,
  'client_call.requested': false,
  'client_call.reminded': false,
  'client_call.answered': false,
  'client_call.expired': false,
  'client_call.withdrawn': false,
  'context.summarized': false,
  'budget.warned': false,
  'budget.released': false,
  'run.completed': false,
  'run.failed': false,
  'run.cancelled': false,
  'message.delta': true,
  'reasoning.delta': true,
  'tool.progress': false,
  'step.retracted': true,
  'attempt.failed': false,
  'run.waiting': false,
} as const satisfies Readonly<Record<StreamEvent['type'], boolean>>;

/** An event that changes the text of a step. */
export type TextEvent = Extract<
  StreamEvent,
  { type: { [T in StreamEvent['type']]: (typeof CHANGES_TEXT)[T] extends true ? T : never }[StreamEvent['type']] }
>;

/** False for a type that this version does not know. */
export function isTextEvent(event: StreamEvent): event is TextEvent {
  return (CHANGES_TEXT as Readonly<Partial<Record<string, boolean>>>)[event.type] ?? false;
}

function foldStep(known: StepText, event: TextEvent): StepText {
  // Text and reasoning are committed together; of the two events only the reasoning's may come after the text's.
  if (known.complete && event.type !== 'reasoning.completed') return known;
  switch (event.type) {
    case 'reasoning.completed':
      return { ...atAttempt(known, event.attempt), reasoning: event.text };
    case 'message.completed':
      return { ...atAttempt(known, event.attempt), text: event.text, complete: true };
    case 'step.retracted':
      if (event.attempt < known.attempt) return known;
      // Moves on to the next attempt, so that late deltas of the retracted one are ignored.
      return { ...known, attempt: event.attempt + 1, reasoning: '', text: '' };
    case 'message.delta':
    case 'reasoning.delta': {
      if (event.attempt < known.attempt) return known;
      const base = atAttempt(known, event.attempt);
      const part = event.type === 'message.delta' ? 'text' : 'reasoning';
      const grown = applyDelta({ attempt: base.attempt, text: base[part] }, event);
      return grown.text === base[part] && base === known ? known : { ...base, [part]: grown.text };
    }
  }
}

/** A higher attempt restarts both texts. */
function atAttempt(known: StepText, attempt: number): StepText {
  return attempt > known.attempt ? { ...known, attempt, reasoning: '', text: '' } : known;
}
