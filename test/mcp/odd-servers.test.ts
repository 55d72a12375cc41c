import { expect, test } from 'vitest';
import type { McpCall } from '../../mcp/make-call.ts';
import { oddServer } from '../support/mcp/server-settings.ts';
import { mcpServers } from '../support/mcp/servers.ts';

const signal = new AbortController().signal;
const ignore = (): void => {};

function call(options: Partial<McpCall> = {}): McpCall {
  return {
    tool: 'act',
    arguments: {},
    parameters: { type: 'object' },
    timeoutMs: 20_000,
    signal,
    onProgress: ignore,
    ...options,
  };
}

test('a list of tools that does not end is an error', async () => {
  await expect(mcpServers().list('odd', oddServer('endless'), signal)).rejects.toThrow(
    'The list of tools of the MCP server "odd" does not end; the limit is 50 pages and 2000 tools.',
  );
});

test('a tool that no run can have is left out with its reason, and does not cost the others', async () => {
  const { tools, leftOut } = await mcpServers().list('odd', oddServer('odd'), signal);
  expect(tools.map(({ name }) => name)).toEqual(['räume/öffnen.jetzt', 'räume.öffnen/jetzt', 'x'.repeat(100), 'act']);
  expect(tools[2]?.description).toHaveLength(4_000);
  expect(leftOut).toEqual([
    { name: '', reason: 'has no name of 1 to 128 characters' },
    { name: 'text', reason: 'has a schema of arguments that are not an object' },
    { name: 'none', reason: 'has a schema of arguments that are not an object' },
    { name: 'huge', reason: 'has a schema of more than 32768 bytes' },
    { name: 'deep', reason: 'has a schema that is nested too deeply' },
    { name: 'act', reason: 'is listed twice' },
    { name: '', reason: 'has no name of 1 to 128 characters' },
    { name: '', reason: 'has no name of 1 to 128 characters' },
  ]);
});

test('lines on standard output that are no messages are ignored', async () => {
  const mcp = mcpServers();
  const { content } = await mcp.call('odd', oddServer('garbage'), call());
  expect(content).toEqual([{ type: 'text', text: 'acted' }]);
});

test('a server that exits when it is asked for its versions is started again and used', async () => {
  const mcp = mcpServers();
  expect((await mcp.list('odd', oddServer('strict'), signal)).tools).toHaveLength(1);
  expect(await mcp.info('odd', oddServer('strict'), signal)).toMatchObject({ protocolVersion: '2025-06-18' });
});

test('a server that dies during a call fails that call, and is started again for the next', async () => {
  const mcp = mcpServers();
  for (let time = 1; time <= 2; time++) {
    await expect(mcp.call('odd', oddServer('dying'), call())).rejects.toMatchObject({
      message: 'The MCP server "odd" closed the connection.',
      mayHaveTakenEffect: true,
    });
    await expect
      .poll(
        async () =>
          await mcp.list('odd', oddServer('dying'), signal).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
  }
});

test('a result of 100 MB ends the server instead of the memory', async () => {
  const mcp = mcpServers();
  await expect(mcp.call('odd', oddServer('huge'), call())).rejects.toThrow(
    'The MCP server "odd" sent a message of more than 16777216 bytes. Ask for less.',
  );
});

test('a result that does not follow the protocol is an error', async () => {
  const mcp = mcpServers();
  await expect(mcp.call('odd', oddServer('invalid'), call())).rejects.toThrow(/does not follow the protocol/);
});

test('a cancelled call that the server never answers ends at once, and the server is used on', async () => {
  const mcp = mcpServers();
  const stop = new AbortController();
  const cancelled = mcp.call('odd', oddServer('hanging'), call({ signal: stop.signal }));
  await mcp.list('odd', oddServer('hanging'), signal);
  stop.abort(new Error('stopped'));
  await expect(cancelled).rejects.toThrow('stopped');
  expect((await mcp.list('odd', oddServer('hanging'), signal)).tools).toHaveLength(1);
});

test('a server that says nothing is given up after its time, and then is not waited for again at once', async () => {
  const mcp = mcpServers();
  const silent = oddServer('silent', { connectTimeoutMs: 300 });
  await expect(mcp.list('odd', silent, signal)).rejects.toThrow('The MCP server "odd" did not connect within 300 ms.');
  await expect(mcp.list('odd', silent, signal)).rejects.toThrow(/The next attempt is in 1 s\.$/);
});

test.each([
  [oddServer('refusing'), 'The process of the MCP server "odd" exited with code 7 when it was started.'],
  [{ command: '/no/such/program' }, /cannot be started: its command was not found or may not be executed \(ENOENT\)/],
  [
    oddServer('plain', { env: { TOKEN: { env: 'UNSET_TOKEN' } } }),
    'The MCP server "odd" needs UNSET_TOKEN, which is not set. Set it in the environment of the workers.',
  ],
])('a server that cannot be started is an error that names the cause', async (settings, message) => {
  await expect(mcpServers({}).list('odd', settings, signal)).rejects.toThrow(message);
});

test('a flood of progress reaches the caller without a failure', async () => {
  const mcp = mcpServers();
  let reports = 0;
  const result = await mcp.call('odd', oddServer('flood'), call({ onProgress: () => (reports += 1) }));
  expect(result.content).toEqual([{ type: 'text', text: 'done' }]);
  expect(reports).toBeGreaterThan(1_000);
});

test('a request for input of the user is refused', async () => {
  const { content } = await mcpServers().call('odd', oddServer('asking'), call());
  expect(content).toEqual([{ type: 'text', text: expect.stringMatching(/^refused: ./) }]);
});

test('a server gets the basic variables and its own, and no text of it contains a secret', async () => {
  const mcp = mcpServers({ DOCS_TOKEN: 'secret-value' });
  const settings = oddServer('secretive', { env: { TOKEN: { env: 'DOCS_TOKEN' }, MODE: 'quiet' } });
  const { tools } = await mcp.list('odd', settings, signal);
  expect(tools[0]?.description).toBe('The token is [redacted].');
  const { content } = await mcp.call('odd', settings, call());
  const [value = '', names = ''] = (content[0] as { text: string }).text.split(' ');
  expect(value).toBe('[redacted]');
  expect(names.split(',')).toEqual(expect.arrayContaining(['MODE', 'PATH', 'TOKEN']));
  expect(names.split(',').filter((name) => /VITEST|npm_|PERDURE|DOCS_TOKEN/.test(name))).toEqual([]);
});
