import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { ScriptedReply } from '../../../models/scripted/scripted-reply.ts';
import { event, responsesAnswer } from './stub-frames.ts';

type Item = Record<string, unknown>;

/** What the server does with a call instead of replying. */
export type Refusal =
  /** Replies. */
  | 'none'
  | { readonly status: number; readonly body: unknown }
  /** Keeps its reply, and never sends it. */
  | 'loses-reply'
  /** Sends the reply's first text, keeps nothing, and stops sending. */
  | 'hangs';

export interface KeptCall {
  readonly body: Readonly<Record<string, unknown>>;
  /** What the model is given: one line for each item of the conversation, or null for a call that was refused. */
  readonly seen: readonly string[] | null;
  /** The id of the response; null for a call that was refused. */
  readonly id: string | null;
}

/** A Responses server on loopback that keeps conversations, and forgets them. */
export interface ConversationServer {
  /** Base URL, ending with `/v1`. */
  readonly baseUrl: string;
  /** Calls of `/responses`. */
  readonly calls: readonly KeptCall[];
  /** Other requests: `METHOD path`. */
  readonly others: readonly string[];
  /** What it does with the next calls, in order. */
  refuse(...refusals: Refusal[]): void;
  /** Holds the replies of the calls that arrive until it resolves. */
  hold(until: Promise<void>): void;
  /** Forgets everything that it has kept. */
  forget(): void;
  /** Resolves with call number `count`, from 1. */
  received(count: number): Promise<KeptCall>;
  close(): Promise<void>;
}

export interface ConversationServerOptions {
  /** The reply to what the model is given. */
  readonly reply: (seen: readonly string[]) => ScriptedReply;
  /** How it reports that it has no such conversation. */
  readonly lost?: { readonly status: number; readonly error: object };
}

const NOT_FOUND = { status: 404, error: { message: 'Not found', type: 'invalid_request_error', code: null } };

export async function startConversationServer({
  reply,
  lost = NOT_FOUND,
}: ConversationServerOptions): Promise<ConversationServer> {
  const responses = new Map<string, readonly Item[]>();
  const conversations = new Map<string, Item[]>();
  const calls: KeptCall[] = [];
  const others: string[] = [];
  const refusals: Refusal[] = [];
  const waiting: { count: number; resolve: (call: KeptCall) => void }[] = [];
  let made = 0;
  let held = Promise.resolve();

  const record = (call: KeptCall) => {
    calls.push(call);
    for (const { count, resolve } of waiting) if (calls[count - 1]) resolve(calls[count - 1] as KeptCall);
  };
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '' } = request;
    const path = url.replace('/v1', '');
    if (method === 'GET') return answerGet(path, response);
    if (method === 'DELETE') return answerDelete(path, response);
    const body = (await json(request)) as Record<string, unknown>;
    if (path === '/responses') return create(body, response);
    others.push(`${method} ${path}`);
    const id = `conv_${++made}`;
    conversations.set(id, []);
    send(response, 200, { id, object: 'conversation' });
  };
  const answerGet = (path: string, response: ServerResponse) => {
    others.push(`GET ${path}`);
    const items = conversations.get(/^\/conversations\/([^/]+)\/items/.exec(path)?.[1] ?? '');
    return items ? send(response, 200, { data: items.slice(-1) }) : send(response, lost.status, { error: lost.error });
  };
  const answerDelete = (path: string, response: ServerResponse) => {
    others.push(`DELETE ${path}`);
    const refusal = refusals.shift();
    if (typeof refusal === 'object') return send(response, refusal.status, refusal.body);
    const [, kind, id = ''] = path.split('/');
    const has = (kind === 'responses' ? responses : conversations).delete(id);
    return has ? send(response, 200, { id, deleted: true }) : send(response, lost.status, { error: lost.error });
  };
  const create = async (body: Record<string, unknown>, response: ServerResponse) => {
    const refusal = refusals.shift();
    const fail = (status: number, failure: unknown) => {
      record({ body, seen: null, id: null });
      send(response, status, failure);
    };
    if (typeof refusal === 'object') return fail(refusal.status, refusal.body);
    const { previous_response_id: previous, conversation } = body;
    const kept =
      typeof conversation === 'string'
        ? conversations.get(conversation)
        : typeof previous === 'string'
          ? responses.get(previous)
          : [];
    if (!kept) return fail(lost.status, { error: lost.error });
    const items = [...kept, ...(body['input'] as Item[])];
    const open = openCalls(items);
    if (open !== null) return fail(400, { error: { message: open, type: 'invalid_request_error', code: null } });
    const number = ++made;
    const id = `resp_${number}`;
    const seen = items.map(lineOf);
    const scripted = reply(seen);
    const toolCalls = scripted.toolCalls?.map((call, index) => ({ ...call, callId: `call_${number}_${index}` }));
    const answer = responsesAnswer({ ...scripted, ...(toolCalls ? { toolCalls } : {}) }, String(body['model']));
    const own = (text: string) => text.replaceAll(/"(fc|msg|rs)_(\d+)"/g, `"$1_$2_${number}"`);
    const whole = {
      ...(JSON.parse(own(JSON.stringify(answer.whole))) as { output: Item[] }),
      id,
      ...(typeof conversation === 'string' ? { conversation: { id: conversation } } : {}),
    };
    record({ body, seen, id });
    const frames = answer.frames.map(own);
    await held;
    if (refusal === 'hangs') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void response.write(frames.slice(0, 3).join(''));
    }
    if (body['store'] === true) {
      const after = [...items, ...whole.output];
      if (typeof conversation === 'string') conversations.set(conversation, after);
      else responses.set(id, after);
    }
    if (refusal === 'loses-reply') return;
    if (body['stream'] !== true) return send(response, 200, whole);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end([...frames, event('response.completed', { response: whole })].join(''));
  };

  const server = createServer((request, response) => void respond(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    others,
    refuse: (...next) => void refusals.push(...next),
    hold: (until) => {
      held = until;
    },
    forget: () => {
      responses.clear();
      conversations.clear();
    },
    received: async (count) => calls[count - 1] ?? (await new Promise((resolve) => waiting.push({ count, resolve }))),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** OpenAI refuses a conversation with calls and results that do not belong together. */
function openCalls(items: readonly Item[]): string | null {
  const idsOf = (type: string) => items.filter((item) => item['type'] === type).map(({ call_id: id }) => String(id));
  const [calls, results] = [idsOf('function_call'), idsOf('function_call_output')];
  const open = calls.find((id) => !results.includes(id));
  if (open !== undefined) return `No tool output found for function call ${open}.`;
  const unasked = results.find((id) => !calls.includes(id));
  return unasked === undefined ? null : `No tool call found for function call output with call_id ${unasked}.`;
}

function lineOf(item: Item): string {
  if (item['type'] === 'function_call') return `calls ${String(item['name'])} ${String(item['arguments'])}`;
  if (item['type'] === 'function_call_output') return `result ${String(item['output'])}`;
  const { content } = item;
  const text =
    typeof content === 'string' ? content : (content as { text: string }[]).map((part) => part.text).join('');
  return `${String(item['role'])}: ${text}`;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
