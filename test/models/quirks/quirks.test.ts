import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOpenAIChatClient } from '../../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../../models/openai/openai-responses.ts';
import { ModelError, type ModelReply } from '../../../models/model-client.ts';
import { hear, modelRequest } from '../../support/models/model-requests.ts';
import { QUIRKS as callsInPieces } from './behaviours/calls-in-pieces.ts';
import { QUIRKS as errors } from './behaviours/errors.ts';
import { QUIRKS as eventsAndBodies } from './behaviours/events-and-bodies.ts';
import { QUIRKS as fields } from './behaviours/fields.ts';
import { QUIRKS as givenBack } from './behaviours/given-back.ts';
import { QUIRKS as responses } from './behaviours/responses.ts';
import type { Expected, Quirk } from './quirk.ts';

// To add a quirk, add an entry to a file in `behaviours/`: the name of the server, what it sends, and what is expected. The
// runner sends it over HTTP to the client. Record shapes, not conversations, and no keys.

const groups = [
  { group: 'calls in pieces', quirks: callsInPieces },
  { group: 'errors', quirks: errors },
  { group: 'events and bodies', quirks: eventsAndBodies },
  { group: 'fields', quirks: fields },
  { group: 'given back', quirks: givenBack },
  { group: 'responses', quirks: responses },
];

let server: Server;
let baseUrl: string;
let sending: Quirk;
const received: Record<string, unknown>[] = [];

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  received.push((await json(request)) as Record<string, unknown>);
  const { status = 200, body, headers } = sending;
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/event-stream' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe.each(groups)('$group', ({ quirks }) => {
  test.each(quirks.map((quirk) => [quirk.name, quirk] as const))('%s', async (_name, quirk) => {
    sending = quirk;
    received.length = 0;
    const create = quirk.api === 'responses' ? createOpenAIResponsesClient : createOpenAIChatClient;
    const client = create({ provider: 'stub', baseUrl, apiKey: 'sk-the-key-of-the-endpoint' });
    const request = modelRequest({ stream: quirk.stream ?? true });
    const outcome = await hear(client, request).then(heardOf, failureOf);
    expect(received).toHaveLength(1);
    expect(outcome).toMatchObject(expectedOf(quirk.expect));
    expect('says' in outcome ? outcome.says : '').toContain(('says' in quirk.expect && quirk.expect.says) || '');
    const sentBack = 'sentBack' in quirk.expect ? quirk.expect.sentBack : [];
    const again = 'reply' in outcome ? answered(outcome.reply) : [];
    await hear(client, { ...request, messages: [...request.messages, ...again] }).catch(() => undefined);
    expect(received[1]?.['messages'] ?? received[1]?.['input']).toEqual(expect.arrayContaining([...sentBack]));
  });
});

/** A reply in the form of an expectation. `streamed`: whether what has streamed is the text that is kept. */
function heardOf({ reply, text, deltas }: Awaited<ReturnType<typeof hear>>) {
  const ids = reply.toolCalls.map(({ callId }) => callId);
  return {
    ...reply,
    reply,
    calls: reply.toolCalls.map(({ tool, arguments: args }) => [tool, args]),
    distinctIds: new Set(ids).size === ids.length && !ids.includes(''),
    streamed: deltas === 0 || text === reply.text,
  };
}

function failureOf(error: unknown) {
  if (!(error instanceof ModelError)) throw error;
  const { reason, retryable, retryAfterMs, report, message } = error;
  return { error: reason, retryable, retryAfterMs, providerMessage: report?.message ?? null, says: message };
}

function expectedOf(expected: Expected): object {
  if ('error' in expected) {
    const { says: _says, ...fieldsOfError } = expected;
    return fieldsOfError;
  }
  const { sentBack: _sent, ...fieldsOfReply } = expected;
  return { calls: [], distinctIds: true, streamed: true, ...fieldsOfReply };
}

/** The reply and the results of its calls, as the next request has them. */
function answered({ text, toolCalls, providerFields }: ModelReply) {
  return [
    { role: 'assistant' as const, content: text, toolCalls, ...(providerFields ? { providerFields } : {}) },
    ...toolCalls.map(({ callId, tool }) => ({ role: 'tool' as const, callId, tool, content: 'done' })),
  ];
}
