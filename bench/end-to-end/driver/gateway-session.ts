import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { readFrames, type FrameReader } from './read-frames.ts';

/** A session behind a gateway, as an HTTP client sees it. Light: the driver shares the machine with what it measures. */
export interface GatewaySession {
  readonly user: string;
  readonly session: string;
  /** Sends a message and resolves with the time until the answer is complete, in ms. Sends it again, with its id, when the gateway is temporarily unavailable. */
  turn(content: string): Promise<number>;
  /** Sends a message once and waits for its answer. `isAnswered`: the run has completed. */
  send(message: Message, signal?: AbortSignal): Promise<SendResult>;
  /** Sends a message and reads the answer as a stream, until it ends. Resolves with the type of the last event. */
  stream(content: string, onFrames: FrameReader, signal?: AbortSignal): Promise<string | undefined>;
  /** Sends a message and resolves with the time until the receipt, in ms. */
  receipt(content: string): Promise<number>;
  /** Reads the session's events from the newest on; resolves when connected. */
  events(onFrames: FrameReader, signal: AbortSignal): Promise<void>;
}

/** A response to a message. */
interface SendResult {
  readonly status: number;
  /** The header, in seconds. */
  readonly retryAfter: string | null;
  readonly isAnswered: boolean;
}

interface Message {
  /** With it, sending again has no further effect. */
  readonly id: string;
  readonly content: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 2_000 });
const WAIT_S = 300;

/** A session. Default: a new one, of a user of its own. */
export function gatewaySession(url: string, session: string = randomUUID(), user = userOf(session)): GatewaySession {
  const path = `${url}/v1/sessions/${session}`;
  const post = async (message: Message, headers: Record<string, string>, signal?: AbortSignal) => {
    const sent = request(`${path}/messages`, {
      method: 'POST',
      agent,
      headers: { 'Perdure-User': user, 'Content-Type': 'application/json', ...headers },
      ...(signal && { signal }),
    }).end(JSON.stringify(message));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  };
  return {
    user,
    session,
    async turn(content) {
      const message = { id: randomUUID(), content };
      const began = performance.now();
      for (;;) {
        const response = await post(message, { Prefer: `wait=${WAIT_S}` });
        const body = await textOf(response);
        const tookMs = performance.now() - began;
        if (response.statusCode === 200 && body.includes('"status":"completed"')) return tookMs;
        if (response.statusCode !== 503) throw unexpected(response, body);
        await delay(Number(response.headers['retry-after'] ?? 1) * 1_000);
      }
    },
    async send(message, signal) {
      const response = await post(message, { Prefer: `wait=${WAIT_S}` }, signal);
      const body = await textOf(response);
      return {
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'] ?? null,
        isAnswered: response.statusCode === 200 && body.includes('"status":"completed"'),
      };
    },
    async receipt(content) {
      const began = performance.now();
      const response = await post({ id: randomUUID(), content }, {});
      const body = await textOf(response);
      const tookMs = performance.now() - began;
      if (response.statusCode !== 202) throw unexpected(response, body);
      return tookMs;
    },
    async stream(content, onFrames, signal) {
      const response = await post({ id: randomUUID(), content }, { Accept: 'text/event-stream' }, signal);
      if (response.statusCode !== 200) throw unexpected(response, await textOf(response));
      return await readFrames(response, onFrames);
    },
    async events(onFrames, signal) {
      const headers = { 'Perdure-User': user, Accept: 'text/event-stream' };
      const sent = request(`${path}/events`, { agent, headers, signal }).end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      if (response.statusCode !== 200) throw unexpected(response, await textOf(response));
      // Ends with the signal, or with the connection: the caller notices by what does not arrive.
      readFrames(response, onFrames).catch(() => {});
    },
  };
}

/** The user of a session. */
export function userOf(session: string): string {
  return `bench-${session.slice(0, 13)}`;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) text += part as string;
  return text;
}

function unexpected(response: IncomingMessage, body: string): Error {
  return new Error(`The server returned ${response.statusCode}: ${body.slice(0, 500)}`);
}
