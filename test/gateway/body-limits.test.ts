import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createBodyBudget } from '../../gateway/http/body-budget.ts';
import { readBody } from '../../gateway/http/read-body.ts';

const headers = { 'content-type': 'application/json' };

/** A request whose body ends when `end` is called. */
function slowRequest(text: string): { request: Request; end: () => void } {
  let end: (() => void) | undefined;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      end = () => controller.close();
    },
  });
  const init = { method: 'POST', headers, body, duplex: 'half' } as const;
  return { request: new Request('http://localhost/', init), end: () => end?.() };
}

test('bodies that are being received share the memory of their gateway, and give it back', async () => {
  const budget = createBodyBudget(10);
  const slow = slowRequest('123456');
  const first = readBody(slow.request, { maxBytes: 100, budget });
  const send = async () => readBody(slowRequestEnded('123456'), { maxBytes: 100, budget });
  await expect(send()).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 2_000 });
  slow.end();
  expect(await first).toHaveLength(6);
  expect(await send()).toHaveLength(6);
});

test('a body that does not end in time is refused, and its memory is free again', async () => {
  const budget = createBodyBudget(6);
  const reading = readBody(slowRequest('123456').request, { maxBytes: 100, maxMs: 1, budget });
  await expect(reading).rejects.toMatchObject({ code: 'request_timeout' });
  budget.take(6);
});

test.each([
  ['is too large', { maxBytes: 5 }, 'too_large'],
  ['does not end in time', { maxBytes: 100, maxMs: 1 }, 'request_timeout'],
])(
  "a body of Node's server that %s is refused, and its connection stays open for the response",
  async (_what, bounds, code) => {
    const budget = createBodyBudget(6);
    const incoming = new PassThrough();
    incoming.write('123456');
    await expect(readBody(slowRequest('').request, { ...bounds, budget, incoming })).rejects.toMatchObject({ code });
    expect(incoming.destroyed).toBe(false);
    budget.take(6);
  },
);

test("a body of Node's server is read in its pieces, and not from the request", async () => {
  const budget = createBodyBudget(10);
  const incoming = new PassThrough();
  incoming.write('123');
  const reading = readBody(slowRequest('').request, { maxBytes: 10, budget, incoming });
  incoming.end('456');
  expect(Buffer.from(await reading).toString()).toBe('123456');
});

test('a body whose connection breaks is an error', async () => {
  const incoming = new PassThrough();
  const reading = readBody(slowRequest('').request, { maxBytes: 10, budget: createBodyBudget(10), incoming });
  const broken = new Error('reset');
  incoming.destroy(broken);
  await expect(reading).rejects.toBe(broken);
});

test('a body that has arrived whole before its connection closed is read from the request', async () => {
  const incoming = new PassThrough().destroy();
  const bytes = await readBody(slowRequestEnded('123'), { maxBytes: 10, budget: createBodyBudget(10), incoming });
  expect(bytes).toHaveLength(3);
});

function slowRequestEnded(text: string): Request {
  const { request, end } = slowRequest(text);
  end();
  return request;
}
