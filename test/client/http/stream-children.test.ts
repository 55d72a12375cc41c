import { expect, test } from 'vitest';
import { streamEvents, type Connect } from '../../../client/http/event-stream.ts';
import type { StreamEvent } from '../../../contracts/events/event.ts';

type Line = readonly [session: string, seq: number, id: string, type?: string];

/** What a gateway sends of a tree; the id of each event is the position in both sessions. */
const LINES: readonly Line[] = [
  ['main', 1, '1'],
  ['main', 2, '2~child-1:0', 'tool.called'],
  ['child-1', 1, '2~child-1:1'],
  ['child-1', 2, '2~child-1:2', 'run.completed'],
  ['main', 3, '3', 'tool.completed'],
  ['main', 4, '4', 'run.completed'],
];

const bodyOf = (lines: readonly Line[]) =>
  lines
    .map(([sessionId, seq, id, type = 'run.started']) => {
      const event = {
        type,
        seq,
        at: '2026-01-01T00:00:00.000Z',
        sessionId,
        runId: sessionId === 'main' ? 'r' : sessionId,
      };
      return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
    })
    .join('');

test('each connection goes on from the id of the last event, which has the position in every session', async () => {
  const from: (string | null)[] = [];
  const connect: Connect = async ({ lastId }) => {
    from.push(lastId);
    const next = LINES.findIndex(([, , id]) => id === lastId) + 1;
    // Every connection is lost after two events, the second of which the next one repeats.
    return new Response(bodyOf(LINES.slice(Math.max(0, next - 1), next + 2)));
  };
  const seen: StreamEvent[] = [];
  for await (const event of streamEvents(connect, 'main', { runId: 'r', children: true })) seen.push(event);
  expect(seen.map((event) => [event.sessionId, 'seq' in event && event.seq])).toEqual(
    LINES.map(([session, seq]) => [session, seq]),
  );
  expect(from).toEqual([null, '2~child-1:0', '2~child-1:2']);
});
