import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { expect, test } from 'vitest';
import { TRACE_HEADER } from '../../contracts/names.ts';
import { interceptors } from '../../workflows/trace-carrier.ts';

const ONE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const TWO = '00-a9f8651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

type Headers = Record<string, Payload>;
const traced = (traceparent: unknown): Headers => ({
  [TRACE_HEADER]: defaultPayloadConverter.toPayload({ traceparent }),
});

/** The interceptors of one workflow execution, and the headers of the calls they passed on. */
function execution(started: Headers = {}) {
  const { inbound: [inbound] = [], outbound: [outbound] = [] } = interceptors();
  const headersOf: Headers[] = [];
  const next = async ({ headers }: { headers: Headers }): Promise<unknown> => {
    headersOf.push(headers);
    return { verdicts: [{ ok: true, duplicate: false, run: { runId: 'r1' } }] };
  };
  const last = () => {
    const payload = headersOf.at(-1)?.[TRACE_HEADER];
    return payload ? defaultPayloadConverter.fromPayload<{ traceparent: string }>(payload).traceparent : null;
  };
  void inbound?.execute?.({ headers: started, args: [] }, next);
  return {
    signal: (message: object, headers: Headers) =>
      inbound?.handleSignal?.({ headers, args: [message] } as never, next as never),
    wake: (reference: object, headers: Headers) =>
      inbound?.handleSignal?.({ signalName: 'runAdmitted', headers, args: [reference] }, next as never),
    local: async (args: object) => {
      await outbound?.scheduleLocalActivity?.({ headers: {}, args: [args] } as never, next);
      return last();
    },
    activity: async (runId: string) => {
      await outbound?.scheduleActivity?.({ headers: {}, args: [{ runId }] } as never, next);
      return last();
    },
    continueAsNew: async (runIds: string[]): Promise<Headers> => {
      const carried = { queue: runIds.map((runId) => ({ runId })) };
      await outbound?.continueAsNew?.({ headers: {}, args: [carried] } as never, next as never);
      return headersOf.at(-1) ?? {};
    },
  };
}

test('the trace of a message goes to its admission and to every activity of the run that it made', async () => {
  const { signal, local, activity } = execution();
  const message = { content: 'hello' };
  await signal(message, traced(ONE));

  expect(await local({ deliveries: [{ input: message }] })).toBe(ONE);
  expect(await activity('r1')).toBe(ONE);
  expect(await activity('another')).toBeNull();
});

test('the trace of a run that a gateway has admitted goes to the load of the session and to the activities of the run', async () => {
  const { wake, local, activity } = execution();
  const run = { runId: 'r7', ordinal: 1, urgent: false };
  const session = { status: 'active', agent: 'assistant' };
  await wake({ session, run, interrupts: null, wasIdle: true }, traced(ONE));

  expect(await local({ deliveries: [] })).toBe(ONE);
  expect(await activity('r7')).toBe(ONE);
  await wake({}, {});
  expect(await local({ deliveries: [] })).toBeNull();
  expect(await activity('r7')).toBe(ONE);
});

test('a run that waits keeps its trace when the workflow continues as new', async () => {
  const before = execution();
  const message = {};
  await before.signal(message, traced(ONE));
  await before.local({ deliveries: [{ input: message }] });
  const handedOn = await before.continueAsNew(['r0', 'r1']);

  const after = execution(handedOn);
  expect(await after.activity('r1')).toBe(ONE);
  expect(await after.activity('r0')).toBeNull();
  // Without traces there is no header.
  expect(await after.continueAsNew(['r0'])).toEqual({});
});

test('a run that is resumed goes on in the trace of whoever resumed it', async () => {
  const { signal, local, activity } = execution();
  const message = {};
  await signal(message, traced(ONE));
  await local({ deliveries: [{ input: message }] });
  const request = { runId: 'r1' };
  await signal(request, traced(TWO));
  await local({ request });

  expect(await activity('r1')).toBe(TWO);
});

test.each([['nonsense'], [7], [null], [`${ONE}-and-more`], ['x'.repeat(100_000)]])(
  'a header with %.20j is no trace',
  async (traceparent) => {
    const { signal, local } = execution();
    const message = {};
    await signal(message, traced(traceparent));

    expect(await local({ deliveries: [{ input: message }] })).toBeNull();
  },
);
