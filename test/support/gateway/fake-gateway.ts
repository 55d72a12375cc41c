import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PerdureEvent, StreamEvent } from '../../../contracts/events/event.ts';
import { EMPTY_TEXT_VIEW, foldText } from '../../../core/text/text-view.ts';

/** The response of a handler: status, JSON body and headers. */
export interface FakeAnswer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FakeRequest {
  readonly method: string;
  /** Still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** Returns the response to a request; undefined for the default, an event stream or a 404. */
type FakeHandler = (request: FakeRequest) => FakeAnswer | undefined;

/** A gateway with one session's events, whose connections can be cut at any byte. */
export interface FakeGateway {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly FakeRequest[];
  /** Adds events to the session that every `…/events` path serves; durable ones are stored, live ones only passed on. */
  emit(...events: readonly StreamEvent[]): void;
  /** Resolves when a reader is connected. */
  connected(): Promise<void>;
  /** Closes every reader's connection. */
  cut(): void;
  close(): Promise<void>;
}

export interface FakeGatewayOptions {
  readonly handle?: FakeHandler;
  readonly port?: number;
  /** Bytes after which the next event stream is cut; undefined for never. */
  readonly bytesUntilCut?: () => number | undefined;
  readonly history?: readonly PerdureEvent[];
}

/** One reader's connection. */
interface Reader {
  write(text: string): void;
  cut(): void;
}

export async function startFakeGateway(options: FakeGatewayOptions = {}): Promise<FakeGateway> {
  const requests: FakeRequest[] = [];
  const durable: PerdureEvent[] = [...(options.history ?? [])];
  const readers = new Set<Reader & { show(event: StreamEvent): void }>();
  const waiters: (() => void)[] = [];
  let view = durable.reduce(foldText, EMPTY_TEXT_VIEW);

  function openStream(request: FakeRequest, response: ServerResponse): void {
    const after = Number(request.headers['last-event-id'] ?? request.query.get('after') ?? 0);
    const cut = readerOf(response, options.bytesUntilCut?.(), () => readers.delete(reader));
    // Every path serves the same events, as those of its own session.
    const sessionId = decodeURIComponent(request.path.split('/').at(3) ?? '');
    const reader = { ...cut, show: (event: StreamEvent) => cut.write(frameOf({ ...event, sessionId })) };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    readers.add(reader);
    reader.write('retry: 5\n\n');
    for (const event of durable.filter(({ seq }) => seq > after)) reader.show(event);
    for (const event of textSoFar(view)) reader.show(event);
    for (const wake of waiters.splice(0)) wake();
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    requests.push(request);
    const given = options.handle?.(request);
    if (given !== undefined) return respond(response, given);
    const wantsStream = request.headers.accept === 'text/event-stream';
    if (request.path.endsWith('/events') && wantsStream) return openStream(request, response);
    respond(response, problem(404, 'not_found', 'There is no such thing.'));
  }

  const server = createServer((incoming, response) => {
    void answer(incoming, response);
  });
  await new Promise<void>((resolve) => void server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    emit(...events) {
      for (const event of events) {
        if ('seq' in event) durable.push(event);
        view = foldText(view, event);
        for (const reader of readers) reader.show(event);
      }
    },
    async connected() {
      if (readers.size === 0) await new Promise<void>((resolve) => void waiters.push(resolve));
    },
    cut() {
      for (const reader of readers) reader.cut();
    },
    async close() {
      const closed = new Promise((resolve) => void server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A problem response like the gateway's. */
export function problem(
  status: number,
  code: string,
  detail: string,
  headers: Record<string, string> = {},
): FakeAnswer {
  return {
    status,
    body: { type: 'about:blank', title: code, status, code, detail, requestId: 'req-1' },
    headers: { 'content-type': 'application/problem+json', ...headers },
  };
}

function respond(response: ServerResponse, { status = 200, body, headers = {} }: FakeAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

async function readRequest(incoming: IncomingMessage): Promise<FakeRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const url = new URL(incoming.url ?? '/', 'http://gateway');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** Cuts the socket, in the middle of a frame if need be, once `bytes` were written. */
function readerOf(response: ServerResponse, bytes: number | undefined, onGone: () => void): Reader {
  let left = bytes ?? Number.POSITIVE_INFINITY;
  response.on('close', onGone);
  const cut = (): void => {
    onGone();
    // Flushes what was written, so that the cut can be inside a frame.
    response.socket?.destroySoon();
  };
  return {
    write(text) {
      if (left <= 0) return;
      const piece = Buffer.from(text).subarray(0, left);
      left -= piece.length;
      response.write(piece);
      if (left <= 0) cut();
    },
    cut,
  };
}

function frameOf(event: StreamEvent): string {
  const id = 'seq' in event ? `id: ${event.seq}\n` : '';
  return `event: ${event.type}\n${id}data: ${JSON.stringify(event)}\n\n`;
}

/** What a late reader gets: the text of each open step as one delta at offset 0. */
function textSoFar(view: ReturnType<typeof foldText>): StreamEvent[] {
  return view.steps
    .filter((step) => !step.complete && step.attempt > 0)
    .flatMap(({ runId, step, attempt, reasoning, text }) => {
      const common = { at: '2026-01-01T00:00:00.000Z', sessionId: 's', runId, step, attempt, offset: 0 };
      return [
        ...(reasoning === '' ? [] : [{ type: 'reasoning.delta' as const, ...common, delta: reasoning }]),
        ...(text === '' ? [] : [{ type: 'message.delta' as const, ...common, delta: text }]),
      ];
    });
}
