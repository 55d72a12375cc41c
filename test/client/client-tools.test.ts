import { expect, test } from 'vitest';
import { answering, type AnswerOptions, type ItemAnswers } from '../../client/client-tools.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import type { ClientAnswer, InboxItem } from '../../contracts/session/inbox-item.ts';
import { eventWriter, runCompleted } from '../support/gateway/run-events.ts';

const item = (id: string, tool = 'pick_seat', kind: InboxItem['kind'] = 'client'): InboxItem =>
  ({ id, kind, tool, arguments: { train: 'ICE 42' }, hash: 'h', runId: 'r' }) as unknown as InboxItem;

const call = (id: string) => ({ runId: 'r', step: 1, callId: `call-${id}`, tool: 'pick_seat', itemId: id });

/** A session's events as they are pushed, and the answers that were delivered. */
function session(pending: readonly InboxItem[], refuse?: (id: string) => Error | undefined) {
  const writer = eventWriter();
  const queue: StreamEvent[] = [];
  let wake: (() => void) | undefined;
  async function* events(): AsyncGenerator<StreamEvent> {
    for (;;) {
      const next = queue.shift();
      if (next) {
        yield next;
        if (next.type === 'run.completed') return;
      } else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  const delivered: { readonly id: string; readonly answer: unknown }[] = [];
  const { promise: answered, resolve: onAnswered } = Promise.withResolvers<void>();
  const deliver = async ({ id }: InboxItem, answer: unknown): Promise<void> => {
    onAnswered();
    const refusal = refuse?.(id);
    if (refusal) throw refusal;
    delivered.push({ id, answer });
  };
  const answers: ItemAnswers = {
    pending: async (kind) => pending.filter((one) => one.kind === kind),
    approval: deliver,
    clientCall: deliver,
  };
  const push = (...more: StreamEvent[]): void => {
    queue.push(...more);
    wake?.();
  };
  const requested = (id: string, type: 'approval.requested' | 'client_call.requested' = 'client_call.requested') =>
    writer.durable({ type, ...call(id), arguments: {}, hash: 'h', expiresAt: '2026-02-01T00:00:00.000Z' });
  const end = () => runCompleted(writer, 'r', 'Done.');
  return { writer, requested, end, push, events, answers, answered, delivered };
}

async function typesOf(events: AsyncIterable<StreamEvent>): Promise<string[]> {
  const types: string[] = [];
  for await (const { type } of events) types.push(type);
  return types;
}

test('a call of a client tool is answered by its function while the events go on', async () => {
  const { push, requested, end, events, answers, answered, delivered } = session([item('i1')]);
  const tools = { pick_seat: ({ train }: { train: string }) => ({ seat: `12A of ${train}` }) };
  const read = typesOf(answering(events(), { tools }, answers));
  push(requested('i1'));
  await answered;
  push(end());

  expect(await read).toEqual(['client_call.requested', 'run.completed']);
  expect(delivered).toEqual([{ id: 'i1', answer: { result: { seat: '12A of ICE 42' } } }]);
});

test('what a function throws is the error of the call', async () => {
  const { push, requested, end, events, answers, answered, delivered } = session([item('i1')]);
  const tools = {
    pick_seat: () => {
      throw new Error('The page was closed.');
    },
  };
  const read = typesOf(answering(events(), { tools }, answers));
  push(requested('i1'));
  await answered;
  push(end());
  await read;

  expect(delivered).toEqual([{ id: 'i1', answer: { error: 'The page was closed.' } satisfies ClientAnswer }]);
});

test('a request in the past that was answered since is not answered again, and no function is called', async () => {
  const { push, requested, end, events, answers, delivered } = session([]);
  let calls = 0;
  const read = typesOf(answering(events(), { tools: { pick_seat: () => (calls += 1) } }, answers));
  push(requested('i1'), end());
  await read;

  expect({ calls, delivered }).toEqual({ calls: 0, delivered: [] });
});

test('a client whose answer comes second goes on without an error', async () => {
  const late = new PerdureError('already_decided', 'It was answered by "bob".');
  const { push, requested, end, events, answers, answered } = session([item('i1')], () => late);
  const read = typesOf(answering(events(), { tools: { pick_seat: () => 1 } }, answers));
  push(requested('i1'));
  await answered;
  push(end());

  expect(await read).toEqual(['client_call.requested', 'run.completed']);
});

test('an answer that cannot be delivered ends the events with its error', async () => {
  const invalid = new PerdureError('invalid_request', 'The field result does not match.');
  const { push, requested, events, answers } = session([item('i1')], () => invalid);
  const read = typesOf(answering(events(), { tools: { pick_seat: () => 1 } }, answers));
  push(requested('i1'));

  await expect(read).rejects.toThrow('The field result does not match.');
});

test('the signal of a function is aborted once somebody else has answered', async () => {
  const { writer, push, requested, end, events, answers, delivered } = session([item('i1')]);
  const { promise: begun, resolve: begin } = Promise.withResolvers<AbortSignal>();
  const options: AnswerOptions = {
    tools: {
      pick_seat: (_args, { signal }) => {
        begin(signal);
        return new Promise(() => undefined);
      },
    },
  };
  const read = typesOf(answering(events(), options, answers));
  push(requested('i1'));
  const signal = await begun;
  push(writer.durable({ type: 'client_call.answered', ...call('i1'), by: 'bob' }), end());
  await read;

  expect({ aborted: signal.aborted, delivered }).toEqual({ aborted: true, delivered: [] });
});

test('an approval is decided by onApproval, which may leave it to others; tools that nobody has here are left alone', async () => {
  const first = session([item('i1', 'refund', 'approval')]);
  const read = typesOf(
    answering(first.events(), { onApproval: () => ({ decision: 'reject', reason: 'No.' }) }, first.answers),
  );
  first.push(first.requested('i1', 'approval.requested'), first.requested('i2'));
  await first.answered;
  first.push(first.end());
  await read;
  const second = session([item('i1', 'refund', 'approval')]);
  const left = typesOf(answering(second.events(), { onApproval: () => undefined }, second.answers));
  second.push(second.requested('i1', 'approval.requested'), second.end());
  await left;

  expect(first.delivered).toEqual([{ id: 'i1', answer: { decision: 'reject', reason: 'No.' } }]);
  expect(second.delivered).toEqual([]);
});

test('only requests of the awaited run are answered', async () => {
  const { push, requested, end, events, answers, delivered } = session([item('i1')]);
  const read = typesOf(answering(events(), { tools: { pick_seat: () => 1 } }, answers, () => 'another'));
  push(requested('i1'), end());
  await read;

  expect(delivered).toEqual([]);
});
