import { trimDelta } from '../../core/text/apply-delta.ts';
import type { LiveEvent } from '../../contracts/session/event.ts';
import type { TextSoFar } from '../../live/live-channel.ts';

/** The text so far of the step that speaks. */
export interface Speech extends TextSoFar {
  /** True once readers were told to drop this attempt's text, which is then empty. */
  readonly retracted: boolean;
}

type Delta = Extract<LiveEvent, { type: 'message.delta' | 'reasoning.delta' }>;
type Position = Pick<TextSoFar, 'runId' | 'step' | 'attempt'>;

/** What is known after something was heard, and what readers must be told. */
export interface Heard {
  readonly speech: Speech;
  readonly events: readonly LiveEvent[];
  /** True when text before this delta was missed: the producer must be asked. */
  readonly gap: boolean;
}

/** Takes a delta of the step that may speak. Older attempts and known text change nothing. */
export function hear(known: Speech | null, delta: Delta): Heard {
  const { speech, events } = turnTo(known, delta, delta);
  if (delta.attempt < speech.attempt || speech.retracted) return { speech, events, gap: false };
  const part = delta.type === 'message.delta' ? 'text' : 'reasoning';
  const text = speech[part];
  if (delta.offset > text.length) return { speech, events, gap: true };
  const fresh = trimDelta({ attempt: speech.attempt, text }, delta);
  if (fresh === undefined) return { speech, events, gap: false };
  const grown = { ...speech, [part]: text.slice(0, fresh.offset) + fresh.delta };
  return { speech: grown, events: [...events, { ...delta, offset: fresh.offset, delta: fresh.delta }], gap: false };
}

/** Takes a producer's answer to `resend-text`. Never takes text back. */
export function hearSoFar(known: Speech | null, soFar: TextSoFar, from: { at: string; sessionId: string }): Heard {
  const { runId, step, attempt } = soFar;
  const position = { ...from, runId, step, attempt, offset: 0 };
  const first = hear(known, { ...position, type: 'reasoning.delta', delta: soFar.reasoning });
  const second = hear(first.speech, { ...position, type: 'message.delta', delta: soFar.text });
  return { ...second, events: [...first.events, ...second.events] };
}

/** Takes a producer's word that an attempt's text is void. */
export function hearRetracted(known: Speech | null, event: Extract<LiveEvent, { type: 'step.retracted' }>): Heard {
  const { speech, events } = turnTo(known, event, event);
  if (event.attempt < speech.attempt || speech.retracted) return { speech, events, gap: false };
  const told = hasText(speech) ? [...events, event] : events;
  return { speech: { ...speech, reasoning: '', text: '', retracted: true }, events: told, gap: false };
}

/** What a reader who comes now must be told: the text so far, as deltas from the start. */
export function retell(speech: Speech, from: { at: string; sessionId: string }): LiveEvent[] {
  const { runId, step, attempt } = speech;
  const position = { ...from, runId, step, attempt, offset: 0 };
  const events: LiveEvent[] = [];
  if (speech.reasoning !== '') events.push({ type: 'reasoning.delta', ...position, delta: speech.reasoning });
  if (speech.text !== '') events.push({ type: 'message.delta', ...position, delta: speech.text });
  return events;
}

/** The speech at a position: the known one, or a new one, which voids the text of a lower attempt. */
function turnTo(
  known: Speech | null,
  position: Position,
  from: { at: string; sessionId: string },
): { speech: Speech; events: LiveEvent[] } {
  const sameStep = known !== null && known.runId === position.runId && known.step === position.step;
  if (sameStep && position.attempt <= known.attempt) return { speech: known, events: [] };
  const { runId, step, attempt } = position;
  const speech = { runId, step, attempt, reasoning: '', text: '', retracted: false };
  if (!sameStep || !hasText(known)) return { speech, events: [] };
  const { at, sessionId } = from;
  return { speech, events: [{ type: 'step.retracted', at, sessionId, runId, step, attempt: known.attempt }] };
}

function hasText(speech: Speech): boolean {
  return speech.text !== '' || speech.reasoning !== '';
}
