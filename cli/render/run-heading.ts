import type { StreamEvent } from '../../contracts/events/event.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import { isTextEvent } from '../../core/text/text-view.ts';
import { cutToWidth } from './fit-width.ts';
import { oneLine } from './one-line.ts';
import type { RenderOptions } from './render-options.ts';
import { shortRunId } from '../shared/short-id.ts';

/** What shows to which message an output belongs. */
export interface Attribution {
  /** The run of the last message or output on the screen; null before the first, '' if that was shown elsewhere. */
  readonly above: string | null;
  /** The first message of each run that has not ended, as far as it is known. */
  readonly messages: ReadonlyMap<string, string>;
}

export const UNATTRIBUTED: Attribution = { above: null, messages: new Map() };

const MESSAGE_COLUMNS = 40;

/** The line above the output of a run when something else is above it, such as a later message; otherwise null. */
export function runHeading(
  { above, messages }: Attribution,
  event: StreamEvent,
  { live, paint }: RenderOptions,
): string | null {
  if (!isPartOfAnswer(event)) return null;
  const message = messages.get(event.runId);
  if (event.runId === above || (above === null && message === undefined)) return null;
  const run = `run ${shortRunId(event.runId, live)}`;
  if (message === undefined) return paint('dim', `↳ Answer of ${run}:`);
  return paint('dim', `↳ Answer to "${cutToWidth(oneLine(message), MESSAGE_COLUMNS)}" (${run}):`);
}

/** The attribution after an event that was shown. */
export function attribute(attribution: Attribution, event: StreamEvent): Attribution {
  if (event.type === 'message.received') return { ...withMessage(attribution, event), above: event.runId };
  if (!isPartOfAnswer(event)) return attribution;
  const messages = new Map(attribution.messages);
  if (endsRun(event.type)) messages.delete(event.runId);
  return { above: event.runId, messages };
}

/** The attribution after a message that is not shown, because its sender typed it here. */
export function attributeUnshown(attribution: Attribution, event: MessageReceived): Attribution {
  const isNext = attribution.messages.size === 0;
  const next = withMessage(attribution, event);
  return isNext ? { ...next, above: event.runId } : next;
}

export type MessageReceived = Extract<StreamEvent, { type: 'message.received' }>;

function withMessage({ above, messages }: Attribution, { runId, content }: MessageReceived): Attribution {
  return { above, messages: messages.has(runId) ? messages : new Map(messages).set(runId, content) };
}

function isPartOfAnswer(event: StreamEvent): event is Extract<StreamEvent, { runId: string }> {
  return isTextEvent(event) || event.type.startsWith('tool.') || event.type === 'attempt.failed' || endsRun(event.type);
}
