import type { LiveEvent, NewEvent, PerdureEvent, StreamEvent } from '../../../contracts/events/event.ts';
import { UNKNOWN_USAGE } from '../../../contracts/session/run.ts';

const START = Date.UTC(2026, 0, 1);

/** Writes the events of one session in order: durable ones are numbered, timestamps are 100 ms apart. */
export function eventWriter(sessionId = 's') {
  let seq = 0;
  let ticks = 0;
  const at = (): string => new Date(START + 100 * (ticks += 1)).toISOString();
  return {
    durable(event: NewEvent): PerdureEvent {
      return { ...event, seq: (seq += 1), at: at(), sessionId };
    },
    live(event: Omit<LiveEvent, 'at' | 'sessionId'> & { type: LiveEvent['type'] }): LiveEvent {
      return { ...event, at: at(), sessionId } as LiveEvent;
    },
  };
}

export type EventWriter = ReturnType<typeof eventWriter>;

/** A text as deltas of `size` characters. */
export function deltasOf(
  writer: EventWriter,
  type: 'message.delta' | 'reasoning.delta',
  where: { runId: string; step: number; attempt: number },
  text: string,
  size: number,
): StreamEvent[] {
  const deltas: StreamEvent[] = [];
  for (let offset = 0; offset < text.length; offset += size) {
    deltas.push(writer.live({ type, ...where, offset, delta: text.slice(offset, offset + size) } as never));
  }
  return deltas;
}

/** The committed text of a step. */
export function completed(
  writer: EventWriter,
  where: { runId: string; step: number; attempt: number },
  text: string,
  more: { finish?: 'stop' | 'tool_calls' | 'cancelled'; partial?: boolean; omitted?: number } = {},
): PerdureEvent {
  return writer.durable({
    type: 'message.completed',
    ...where,
    text,
    finish: more.finish ?? 'stop',
    partial: more.partial ?? false,
    ...(more.omitted === undefined ? {} : { omitted: more.omitted }),
    model: 'scripted',
    usage: null,
    throughSeq: 0,
    firstTokenMs: 1,
    durationMs: 2,
  });
}

export function received(writer: EventWriter, runId: string, messageId: string, content: string): PerdureEvent {
  return writer.durable({ type: 'message.received', runId, messageId, content, disposition: 'started' });
}

export function started(writer: EventWriter, runId: string): PerdureEvent {
  return writer.durable({ type: 'run.started', runId, agent: 'assistant', agentVersion: 'v1', model: 'scripted/demo' });
}

export function runCompleted(writer: EventWriter, runId: string, output: string, steps = 1): PerdureEvent {
  return writer.durable({ type: 'run.completed', runId, output, steps, usage: UNKNOWN_USAGE });
}
