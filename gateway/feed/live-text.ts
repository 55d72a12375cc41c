import { trimDelta } from '../../core/text/apply-delta.ts';
import type { LiveEvent } from '../../contracts/events/event.ts';
import type { TextSoFar } from '../../live/live-channel.ts';

/** The text so far of the step whose model call is streaming. */
export interface LiveText extends TextSoFar {
  /** True once readers were sent `step.retracted` for this attempt. Its text is then empty, and stays so. */
  readonly retracted: boolean;
}

type TextDelta = Extract<LiveEvent, { type: 'message.delta' | 'reasoning.delta' }>;
type Position = Pick<TextSoFar, 'runId' | 'step' | 'attempt'>;
/** The fields that every live event has. */
interface Envelope {
  readonly at: string;
  readonly sessionId: string;
}

/** The text after an input, and the events to send to readers. */
export interface TextUpdate {
  readonly text: LiveText;
  readonly events: readonly LiveEvent[];
  /** True when text before the delta is missing: request a snapshot from the producer. */
  readonly gap: boolean;
}

/** Applies a delta of the current step. Deltas of older attempts, and text that is known, change nothing. */
export function applyTextDelta(known: LiveText | null, delta: TextDelta): TextUpdate {
  const { text, events } = moveTo(known, delta, delta);
  if (delta.attempt < text.attempt || text.retracted) return { text, events, gap: false };
  const part = delta.type === 'message.delta' ? 'text' : 'reasoning';
  const current = text[part];
  if (delta.offset > current.length) return { text, events, gap: true };
  const fresh = trimDelta({ attempt: text.attempt, text: current }, delta);
  if (fresh === undefined) return { text, events, gap: false };
  const grown = { ...text, [part]: current.slice(0, fresh.offset) + fresh.delta };
  return { text: grown, events: [...events, { ...delta, offset: fresh.offset, delta: fresh.delta }], gap: false };
}

/** Applies a producer's snapshot, its response to `who-speaks`. Never shortens the text. */
export function applySnapshot(known: LiveText | null, snapshot: TextSoFar, envelope: Envelope): TextUpdate {
  const { runId, step, attempt } = snapshot;
  const position = { ...envelope, runId, step, attempt, offset: 0 };
  const first = applyTextDelta(known, { ...position, type: 'reasoning.delta', delta: snapshot.reasoning });
  const second = applyTextDelta(first.text, { ...position, type: 'message.delta', delta: snapshot.text });
  return { ...second, events: [...first.events, ...second.events] };
}

/** Applies a retraction, which voids the text of an attempt. */
export function applyRetraction(
  known: LiveText | null,
  event: Extract<LiveEvent, { type: 'step.retracted' }>,
): TextUpdate {
  const { text, events } = moveTo(known, event, event);
  if (event.attempt < text.attempt || text.retracted) return { text, events, gap: false };
  const sent = isEmpty(text) ? events : [...events, event];
  return { text: { ...text, reasoning: '', text: '', retracted: true }, events: sent, gap: false };
}

/** The text so far as deltas from offset 0, for a reader that joins late. */
export function snapshotDeltas(text: LiveText, envelope: Envelope): LiveEvent[] {
  const { runId, step, attempt } = text;
  const position = { ...envelope, runId, step, attempt, offset: 0 };
  const events: LiveEvent[] = [];
  if (text.reasoning !== '') events.push({ type: 'reasoning.delta', ...position, delta: text.reasoning });
  if (text.text !== '') events.push({ type: 'message.delta', ...position, delta: text.text });
  return events;
}

/** The text at a position: the known one, or an empty one. A higher attempt retracts the text of the one before. */
function moveTo(
  known: LiveText | null,
  position: Position,
  { at, sessionId }: Envelope,
): { text: LiveText; events: LiveEvent[] } {
  const sameStep = known !== null && known.runId === position.runId && known.step === position.step;
  if (sameStep && position.attempt <= known.attempt) return { text: known, events: [] };
  const { runId, step, attempt } = position;
  const text = { runId, step, attempt, reasoning: '', text: '', retracted: false };
  if (!sameStep || isEmpty(known)) return { text, events: [] };
  return { text, events: [{ type: 'step.retracted', at, sessionId, runId, step, attempt: known.attempt }] };
}

function isEmpty(text: LiveText): boolean {
  return text.text === '' && text.reasoning === '';
}
