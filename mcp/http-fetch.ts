import { isIP } from 'node:net';
import { fetch as request, type Agent, type RequestInit as UndiciInit } from 'undici';
import { guardedAgent } from '../agents/tools/guarded-agent.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { McpServerSettings } from '../contracts/mcp/mcp-server.ts';
import { McpError } from './mcp-error.ts';
import { watchedCall, type StreamWatch } from './stream-watch.ts';

/** The time that a response may take after the timeout of its call. */
const SLACK_MS = 5_000;
const CONNECTIONS = 32;

/** What the SDK sends its requests with. */
export type McpFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/**
 * The requests to a server over HTTP: only to the address that its settings name, never to one that a redirect names, with
 * bounds on the time until a response begins, on the time of a response to a call, and on the size of each message in it.
 */
export function httpFetch(
  name: string,
  settings: McpServerSettings,
  timeoutMs: number,
  onProblem: (problem: McpError) => void,
): { readonly fetch: McpFetch; readonly agent: Agent } {
  const stated = settings.privateNetwork === true;
  const agent = guardedAgent({
    allow: (hostname) => stated || isWrittenAddress(hostname),
    connections: CONNECTIONS,
    headersTimeoutMs: timeoutMs + SLACK_MS,
    // A stream of announcements has none. Those of calls end by their signal.
    bodyTimeoutMs: 0,
    remedy: `If it is in a private network, set mcpServers.${name}.privateNetwork: true.`,
  });
  const fetch: McpFetch = async (url, init = {}) => {
    const { signal = null } = init;
    const ends = [
      ...(signal ? [signal] : []),
      ...(init.method === 'POST' ? [AbortSignal.timeout(timeoutMs + SLACK_MS)] : []),
    ];
    const given = { ...init, redirect: 'manual', dispatcher: agent, signal: AbortSignal.any(ends) } as UndiciInit;
    const watch = watchedCall.getStore();
    const response = await request(url, given).catch((error: unknown) => {
      if (init.method === 'GET') watch?.failed();
      throw error;
    });
    const { status, statusText, body } = response;
    if (status >= 300 && status < 400) {
      await body?.cancel().catch(() => {});
      throw new McpError(
        `The MCP server ${JSON.stringify(name)} redirects to another address, which is not followed. Set mcpServers.${name}.url to the final one.`,
      );
    }
    const headers = new Headers([...response.headers]);
    if (body === null) return new Response(null, { status, statusText, headers });
    const bounded = boundedMessages(body, watch, () => {
      const problem = new McpError(tooLarge(name));
      onProblem(problem);
      return problem;
    });
    return new Response(bounded, { status, statusText, headers });
  };
  return { fetch, agent };
}

/** Whether the host of a URL is an address, or the machine itself: then the settings have named that address. */
function isWrittenAddress(hostname: string): boolean {
  return isIP(hostname) !== 0 || hostname === 'localhost' || hostname.endsWith('.localhost');
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** The body of a response, which fails with a message that is too large: more bytes than the limit without an empty line, which ends an event of a stream. */
function boundedMessages(
  body: ReadableStream<Uint8Array>,
  watch: StreamWatch | undefined,
  onTooLarge: () => McpError,
): ReadableStream<Uint8Array> {
  const limit = LIMITS.mcpMessageBytes.value;
  const reader = body.getReader();
  let bytes = 0;
  let lineIsEmpty = true;
  const count = (chunk: Uint8Array): void => {
    for (const byte of chunk) {
      bytes += 1;
      if (byte === NEWLINE) {
        if (lineIsEmpty) bytes = 0;
        lineIsEmpty = true;
      } else if (byte !== CARRIAGE_RETURN) lineIsEmpty = false;
    }
  };
  watch?.opened();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          watch?.ended();
          controller.close();
          return;
        }
        count(value);
        if (bytes > limit) throw onTooLarge();
        controller.enqueue(value);
      } catch (error) {
        watch?.ended();
        await reader.cancel().catch(() => {});
        controller.error(error);
      }
    },
    async cancel(reason) {
      watch?.ended();
      await reader.cancel(reason);
    },
  });
}

export function tooLarge(name: string): string {
  return `The MCP server ${JSON.stringify(name)} sent a message of more than ${LIMITS.mcpMessageBytes.value} bytes. Ask for less.`;
}
