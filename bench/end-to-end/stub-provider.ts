import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveJobs } from './jobs-process.ts';
import { MESSAGE, MODEL_CALL_MS, streamedAnswerOf, type StreamedAnswer } from './messages.ts';
import { observeSelf, type OwnLoad } from './observe/own-load.ts';

// Runs as its own process: a provider of models with OpenAI's streaming Chat Completions.

/** The jobs of the provider's process. */
export type ProviderJobs = typeof jobs;

const jobs = {
  /** Starts to listen; returns the base URL for `OPENAI_BASE_URL`. */
  async listen(): Promise<string> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  },
  /** The load of this process since the job before. */
  load: async (): Promise<OwnLoad> => own.sinceLast(),
};

const own = observeSelf();
const server = createServer((request, response) => void reply(request, response));
server.keepAliveTimeout = 60_000;
serveJobs(jobs);

interface ChatRequest {
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly model: string;
}

async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const began = performance.now();
  const { messages, model } = JSON.parse(await bodyOf(request)) as ChatRequest;
  const message = lastText(messages);
  const streamed = streamedAnswerOf(message);
  const frames = framesOf(model, messages.length);
  const callsTool = message === MESSAGE.tool && messages.at(-1)?.role === 'user';
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const start = () => {
    if (streamed) stream(response, frames, streamed);
    else response.end(callsTool ? frames.toolCall + frames.end('tool_calls') : frames.text + frames.end('stop'));
  };
  const timer = setTimeout(start, Math.max(1, MODEL_CALL_MS - (performance.now() - began)));
  response.once('close', () => clearTimeout(timer));
}

/** Writes the deltas of an answer, until the client has gone. */
function stream(response: ServerResponse, frames: Frames, { deltas, everyMs }: StreamedAnswer): void {
  let written = 0;
  const write = () => {
    response.write(frames.word);
    written += 1;
    if (written < deltas) return;
    clearInterval(timer);
    response.end(frames.end('stop'));
  };
  const timer = setInterval(write, everyMs);
  response.once('close', () => clearInterval(timer));
  write();
}

type Frames = ReturnType<typeof framesOf>;

/** The frames of a reply to so many messages. */
function framesOf(model: string, messages: number) {
  const frame = (more: object) =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model, ...more })}\n\n`;
  const delta = (change: object, finish_reason: string | null = null) =>
    frame({ choices: [{ index: 0, delta: change, finish_reason }] });
  const usage = { prompt_tokens: 10 * messages, completion_tokens: 10, total_tokens: 10 * messages + 10 };
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'echo', arguments: '{"x":1}' } };
  return {
    word: delta({ content: ' word' }),
    text: delta({ role: 'assistant', content: 'The echo is 1.' }),
    toolCall: delta({ role: 'assistant', content: null, tool_calls: [call] }),
    end: (reason: string) => `${delta({}, reason)}${frame({ choices: [], usage })}data: [DONE]\n\n`,
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** The text of the user's last message: a string, or parts with a text. */
function lastText(messages: ChatRequest['messages']): string {
  const content = messages.findLast(({ role }) => role === 'user')?.content;
  if (typeof content === 'string') return content;
  const parts = Array.isArray(content) ? (content as { text?: string }[]) : [];
  return parts.at(-1)?.text ?? '';
}
