import { createParser } from 'eventsource-parser';
import { onTestFinished } from 'vitest';
import type { AgentVersion } from '../../contracts/agent.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/create-gateway.ts';
import { serveGateway } from '../../gateway/serve-gateway.ts';
import { createInProcessLive } from '../../live/in-process.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { Db } from '../../store/db/db.ts';
import { createStoreSender, type StoreSender } from './store-sender.ts';

const ASSISTANT: AgentVersion = { hash: 'v1', spec: { name: 'assistant', instructions: 'Help.' }, tools: [] };

export interface TestGateway {
  readonly gateway: Gateway;
  readonly sender: StoreSender;
  readonly live: LiveChannel;
  /** A request without a port. `body` is sent as JSON. */
  readonly call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Response>;
}

export function startGateway(db: Db, options: Partial<GatewayOptions> = {}): TestGateway {
  const live = options.live ?? createInProcessLive();
  const sender = createStoreSender(db, live);
  const gateway = createGateway({
    db,
    live,
    sender,
    agents: {
      defaultAgent: 'assistant',
      list: () => [ASSISTANT.spec],
      agent: (name) => (name === 'assistant' ? ASSISTANT : undefined),
    },
    pollMs: 50,
    ...options,
  });
  onTestFinished(() => gateway.close());
  return {
    gateway,
    sender,
    live,
    async call(method, path, body, headers = {}) {
      const content = body === undefined ? {} : { body: JSON.stringify(body) };
      const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
      return gateway.app.request(path, { method, headers: { ...type, ...headers }, ...content });
    },
  };
}

/** A gateway on a port until the test ends, and the environment in which commands use it. */
export async function servedGateway(
  db: Db,
  options: Partial<GatewayOptions> = {},
): Promise<TestGateway & { readonly url: string; readonly env: { readonly PERDURE_URL: string } }> {
  const started = startGateway(db, options);
  const served = await serveGateway({ gateway: started.gateway, port: 0 });
  onTestFinished(() => served.close());
  return { ...started, url: served.url, env: { PERDURE_URL: served.url } };
}

export interface SseFrame {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: StreamEvent;
}

/** The frames of a stream up to one that satisfies `last`, or to its end. */
export async function readFrames(
  response: Response,
  last: (event: StreamEvent) => boolean = () => false,
): Promise<SseFrame[]> {
  const frames: SseFrame[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => frames.push({ id, event, data: JSON.parse(data) as StreamEvent }),
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
    if (frames.some(({ data }) => last(data))) break;
  }
  return frames;
}

export function sessionPath(id: string, ...rest: string[]): string {
  return `/v1/sessions/${[id, ...rest].map(encodeURIComponent).join('/')}`;
}

/** The fields of responses that tests use. */
interface Json {
  readonly id: string;
  readonly runId: string;
  readonly data: unknown;
  readonly nextCursor: string;
  readonly receipt: { readonly runId: string };
}

/** The body of a response, of which tests know what it is. */
export async function json(response: Response): Promise<Json> {
  return (await response.json()) as Json;
}
