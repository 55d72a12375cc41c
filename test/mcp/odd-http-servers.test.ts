import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { McpCall } from '../../mcp/make-call.ts';
import { mcpServers } from '../support/mcp/servers.ts';

const signal = new AbortController().signal;
const CALL: McpCall = {
  tool: 'act',
  arguments: {},
  parameters: { type: 'object' },
  timeoutMs: 20_000,
  signal,
  onProgress: () => {},
};

interface Message {
  readonly id?: number | string;
  readonly method: string;
}

/** Serves MCP over HTTP on loopback; `onCall` has the response to a tool call. Resolves with its URL. */
async function serve(onCall: RequestListener, onRequest?: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    if (onRequest) return onRequest(request, response);
    if (request.method !== 'POST') return void response.writeHead(405).end();
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { id, method } = JSON.parse(body) as Message;
      if (id === undefined) return void response.writeHead(202).end();
      if (method === 'tools/call') return onCall(request, response);
      const results: Record<string, object> = {
        initialize: {
          protocolVersion: '2025-06-18',
          capabilities: { tools: {} },
          serverInfo: { name: 'odd', version: '1' },
        },
        'tools/list': { tools: [{ name: 'act', inputSchema: { type: 'object' } }] },
      };
      const result = results[method];
      const answer = result ? { result } : { error: { code: -32_601, message: 'Method not found' } };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

test('a redirect is not followed', async () => {
  let followed = false;
  const other = await serve(
    () => {},
    (_request, response) => {
      followed = true;
      response.end();
    },
  );
  const url = await serve(
    () => {},
    (_request, response) => void response.writeHead(307, { location: other }).end(),
  );
  await expect(mcpServers().list('odd', { url }, signal)).rejects.toThrow(
    'The MCP server "odd" redirects to another address, which is not followed. Set mcpServers.odd.url to the final one.',
  );
  expect(followed).toBe(false);
});

test('a server whose response does not begin is given up after its time', async () => {
  const url = await serve(
    () => {},
    () => {},
  );
  await expect(mcpServers().list('odd', { url, connectTimeoutMs: 300 }, signal)).rejects.toThrow(
    'The MCP server "odd" did not connect within 300 ms.',
  );
});

test.each(['application/json', 'text/event-stream'])('a result of 100 MB as %s is an error', async (type) => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': type });
    const chunk = 'x'.repeat(1024 * 1024);
    const write = (left: number): void => {
      if (left > 0 && !response.destroyed) response.write(chunk, () => write(left - 1));
      else response.end();
    };
    response.write('data: "', () => write(100));
  });
  await expect(mcpServers().call('odd', { url }, CALL)).rejects.toThrow(
    'The MCP server "odd" sent a message of more than 16777216 bytes. Ask for less.',
  );
});

test('a credential is sent, and is in no message of an error', async () => {
  const seen: (string | undefined)[] = [];
  const url = await serve(
    () => {},
    (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401).end(`wrong: ${request.headers.authorization}`);
    },
  );
  const headers = { Authorization: { env: 'DOCS_AUTHORIZATION' } };
  const listing = mcpServers({ DOCS_AUTHORIZATION: 'Bearer secret' }).list('odd', { url, headers }, signal);
  await expect(listing).rejects.toThrow(
    /^The MCP server "odd" refuses the credential \(HTTP 401\)\. Check its headers\.$/,
  );
  expect(seen[0]).toBe('Bearer secret');
});

test('a name with a private address is refused unless the settings allow it', async () => {
  const url = new URL(await serve((_request, response) => void response.end()));
  url.hostname = 'localhost.localdomain';
  const refused = mcpServers().list('odd', { url: url.href, connectTimeoutMs: 5_000 }, signal);
  await expect(refused).rejects.toThrow(
    /has no public address\. If it is in a private network, set mcpServers\.odd\.privateNetwork: true\./,
  );
});
