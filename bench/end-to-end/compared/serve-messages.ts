import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers a message; calls `onDelta` for each piece of the answer. */
export type AnswerMessage = (session: string, content: string, onDelta: (text: string) => void) => Promise<void>;

/** Serves the two calls of Perdure's HTTP interface that deliver a message: with `Prefer: wait`, and as an event stream. Returns the base URL. */
export async function serveMessages(answer: AnswerMessage): Promise<string> {
  const server = createServer((request, response) => {
    serve(request, response, answer).catch((error: Error) => {
      console.error(error);
      response.destroy(error);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(request: IncomingMessage, response: ServerResponse, answer: AnswerMessage): Promise<void> {
  const [, session] = /^\/v1\/sessions\/([^/]+)\/messages$/.exec(request.url ?? '') ?? [];
  if (session === undefined) return void response.writeHead(404).end();
  const { content } = JSON.parse(await bodyOf(request)) as { content: string };
  if (request.headers.accept !== 'text/event-stream') {
    await answer(session, content, () => {});
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"status":"completed"}');
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const send = (type: string, data: object) => response.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  await answer(session, content, (delta) => void send('message.delta', { delta }));
  send('run.completed', {});
  response.end();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const part of request) text += part as string;
  return text;
}
