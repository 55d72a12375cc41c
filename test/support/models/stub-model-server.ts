import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScriptedReply } from '../../../models/scripted/scripted-reply.ts';
import { chatAnswer, data, event, responsesAnswer, type StubAnswer } from './stub-frames.ts';

/** The behaviour of the stub for one request. */
export type StubBehaviour =
  /** Replies, or fails as the reply defines: a status, `truncated`, or `connection` (a reset). */
  | ScriptedReply
  /** Replies with this status and body. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  /** Replies with `text`, and fails like this in the middle of it. */
  | { readonly misbehaves: Misbehaviour; readonly text?: string };

export type Misbehaviour =
  /** Accepts the request and never responds. */
  | 'hangs-before-headers'
  /** Stops sending after the text. */
  | 'hangs-mid-stream'
  /** Sends `[DONE]` without a finish reason (Chat Completions only). */
  | 'done-without-finish'
  /** Closes after the finish reason, without `[DONE]` (Chat Completions only). */
  | 'no-done'
  /** Sends the finish reason, and resets the connection before `[DONE]`. */
  | 'breaks-after-finish'
  | 'broken-json'
  | 'wrong-types'
  | 'unknown-chunks'
  /** Sends an error event in the stream. */
  | 'error-in-stream'
  /** Refuses `stream_options` with 400 (Chat Completions only). */
  | 'no-stream-options';

export interface StubRequest {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly headers: IncomingMessage['headers'];
  /** Epoch ms. */
  readonly at: number;
  /** Resolves when the response is sent, or when the client has disconnected before. */
  readonly closed: Promise<'finished' | 'aborted'>;
  /** Epoch ms; null while it is open. */
  readonly closedAt: () => number | null;
  readonly aborted: () => boolean;
}

/** An OpenAI-compatible server on loopback that misbehaves on demand. */
export interface StubModelServer {
  /** Base URL, ending with `/v1`. */
  readonly baseUrl: string;
  readonly requests: readonly StubRequest[];
  /** Queues behaviours for the next requests. A request without one gets status 500 and the code `unscripted`. */
  enqueue(...behaviours: StubBehaviour[]): void;
  /** The behaviour for requests when none is queued. */
  behave(decide: (body: Record<string, unknown>) => StubBehaviour): void;
  /** Resolves with request number `count`, from 1. */
  received(count: number): Promise<StubRequest>;
  close(): Promise<void>;
}

export async function startStubModelServer(models: readonly string[] = ['stub-model']): Promise<StubModelServer> {
  const queue: StubBehaviour[] = [];
  const requests: StubRequest[] = [];
  const waiting: { count: number; resolve: (request: StubRequest) => void }[] = [];
  let decide: (body: Record<string, unknown>) => StubBehaviour = unscripted;

  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === 'GET') return sendJson(response, 200, { data: models.map((id) => ({ id })) });
    const body = (await json(request)) as Record<string, unknown>;
    requests.push(recorded(request, response, body));
    for (const waiter of waiting) {
      const there = requests[waiter.count - 1];
      if (there) waiter.resolve(there);
    }
    await act(request.url ?? '', body, queue.shift() ?? decide(body), response);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    enqueue: (...behaviours) => void queue.push(...behaviours),
    behave: (decider) => {
      decide = decider;
    },
    received: async (count) =>
      requests[count - 1] ?? (await new Promise((resolve) => waiting.push({ count, resolve }))),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The newest message of the user in the body of a request. */
export function askedOf(body: Record<string, unknown>): string {
  const messages = (body['messages'] ?? body['input']) as { readonly role?: string; readonly content?: unknown }[];
  const content = messages.findLast(({ role }) => role === 'user')?.content;
  return typeof content === 'string' ? content : ((content as { readonly text: string }[])[0]?.text ?? '');
}

function unscripted(): StubBehaviour {
  return { status: 500, body: { error: { code: 'unscripted' } } };
}

function recorded(request: IncomingMessage, response: ServerResponse, body: Record<string, unknown>): StubRequest {
  let closedAt: number | null = null;
  const closed = new Promise<'finished' | 'aborted'>((resolve) => {
    response.once('close', () => {
      closedAt = Date.now();
      resolve(response.writableFinished ? 'finished' : 'aborted');
    });
  });
  return {
    path: request.url ?? '',
    body,
    headers: request.headers,
    at: Date.now(),
    closed,
    closedAt: () => closedAt,
    aborted: () => closedAt !== null && !response.writableFinished,
  };
}

async function act(
  path: string,
  body: Record<string, unknown>,
  behaviour: StubBehaviour,
  response: ServerResponse,
): Promise<void> {
  const asks = (field: string) => body[field] !== undefined;
  if ('status' in behaviour) return sendJson(response, behaviour.status, behaviour.body ?? {}, behaviour.headers);
  const misbehaves = 'misbehaves' in behaviour ? behaviour.misbehaves : null;
  if (misbehaves === 'hangs-before-headers') return;
  if (misbehaves === 'no-stream-options' && asks('stream_options')) {
    const error = { message: 'Unknown parameter: stream_options', param: 'stream_options', code: 'unknown_parameter' };
    return sendJson(response, 400, { error });
  }
  const reply: ScriptedReply = 'misbehaves' in behaviour ? { text: behaviour.text ?? 'Half of it' } : behaviour;
  if (typeof reply.failure === 'object') return sendFailure(response, reply.failure);
  const responses = path.endsWith('/responses');
  const model = typeof body['model'] === 'string' ? body['model'] : 'stub-model';
  const answer = responses ? responsesAnswer(reply, model) : chatAnswer(reply, model, asks('stream_options'));
  if (body['stream'] !== true) {
    await sleep(reply.firstDelayMs ?? 0);
    return reply.failure ? reset(response) : sendJson(response, 200, answer.whole);
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  await send(response, answer.frames, reply);
  if (reply.failure === 'truncated') return void response.end();
  if (reply.failure === 'connection') return reset(response);
  await finish(response, answer, misbehaves, responses);
}

async function send(response: ServerResponse, frames: readonly string[], reply: ScriptedReply): Promise<void> {
  await sleep(reply.firstDelayMs ?? 0);
  for (const [index, frame] of frames.entries()) {
    if (response.destroyed) return;
    if (reply.delayMs) await sleep(reply.delayMs);
    await reply.hold?.(index);
    response.write(frame);
  }
}

async function finish(
  response: ServerResponse,
  { terminal }: StubAnswer,
  misbehaves: Misbehaviour | null,
  responses: boolean,
): Promise<void> {
  const before = (frame: string) => {
    response.write(frame);
    response.end(terminal.join(''));
  };
  switch (misbehaves) {
    case 'hangs-mid-stream':
      return;
    case 'done-without-finish':
      return void response.end(terminal.at(-1));
    case 'no-done':
      return void response.end(terminal.slice(0, -1).join(''));
    case 'breaks-after-finish':
      // Not a reset, which may discard data that was written before.
      return void response.write(terminal[0], () => response.socket?.destroy());
    case 'broken-json':
      return before('data: {"choices": [{"delta"\n\n');
    case 'wrong-types':
      return before(
        responses
          ? event('response.output_item.done', { item: 'none' })
          : data({ choices: [{ delta: { content: { not: 'text' } } }] }),
      );
    case 'unknown-chunks':
      return before(
        `: a comment\n\n${responses ? event('response.novelty', { delta: {} }) : data({ object: 'ping' })}`,
      );
    case 'error-in-stream':
      return before(
        responses
          ? event('error', { code: 'rate_limit_exceeded', message: 'Slow down' })
          : data({ error: { code: 'rate_limit_exceeded', message: 'Slow down' } }),
      );
    default:
      response.end(terminal.join(''));
  }
}

function sendFailure(
  response: ServerResponse,
  { status, code, retryAfterMs }: Extract<ScriptedReply['failure'], object>,
): void {
  const headers = retryAfterMs === undefined ? {} : { 'retry-after-ms': String(retryAfterMs) };
  sendJson(response, status, { error: { code: code ?? null, message: 'The stub was told to fail' } }, headers);
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
