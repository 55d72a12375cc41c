import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { McpCall } from '../../mcp/make-call.ts';
import { freePort } from '../support/mcp/free-port.ts';
import { everythingServer, fileServer } from '../support/mcp/server-settings.ts';
import { mcpServers, startEverythingOverHttp } from '../support/mcp/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const signal = new AbortController().signal;
const ignore = (): void => {};

function call(tool: string, args: McpCall['arguments'], options: Partial<McpCall> = {}): McpCall {
  return {
    tool,
    arguments: args,
    parameters: { type: 'object' },
    timeoutMs: 10_000,
    signal,
    onProgress: ignore,
    ...options,
  };
}

test('the tools of the file server are listed with their annotations and called over stdio, in one process', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'note.txt'), 'Remember the milk.');
  const mcp = mcpServers();
  const files = fileServer(folder);
  const [{ tools, leftOut }, again] = await Promise.all([
    mcp.list('files', files, signal),
    mcp.list('files', files, signal),
  ]);
  expect(again.tools).toBe(tools);
  expect(leftOut).toEqual([]);
  expect(tools.find(({ name }) => name === 'read_text_file')).toMatchObject({ readOnly: true });
  expect(tools.find(({ name }) => name === 'write_file')).toMatchObject({ destructive: true, idempotent: true });
  expect(tools.find(({ name }) => name === 'write_file')?.parameters).toMatchObject({ type: 'object' });
  const result = await mcp.call('files', files, call('read_text_file', { path: join(folder, 'note.txt') }));
  expect(result.content).toEqual([{ type: 'text', text: 'Remember the milk.' }]);
  expect(await mcp.info('files', files, signal)).toMatchObject({ serverName: 'secure-filesystem-server' });
});

test('an error of a tool is a result that says so', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'inner'));
  const mcp = mcpServers();
  const result = await mcp.call(
    'files',
    fileServer(join(folder, 'inner')),
    call('read_text_file', { path: '/etc/hosts' }),
  );
  expect(result.isError).toBe(true);
});

test.each(['stdio', 'HTTP'] as const)(
  'progress is reported and a cancelled call ends at once over %s',
  async (transport) => {
    const mcp = mcpServers();
    const port = await freePort();
    const settings = transport === 'stdio' ? everythingServer() : { url: (await startEverythingOverHttp(port)).url };
    const progress: number[] = [];
    const args = { duration: 0.3, steps: 3 };
    await mcp.call(
      'all',
      settings,
      call('trigger-long-running-operation', args, { onProgress: (report) => progress.push(report.progress) }),
    );
    // The last ones may arrive together with the result.
    expect(progress).toContain(1);

    const stop = new AbortController();
    const cancelled = mcp.call(
      'all',
      settings,
      call(
        'trigger-long-running-operation',
        { duration: 600, steps: 600 },
        {
          signal: stop.signal,
          onProgress: () => stop.abort(new Error('stopped')),
        },
      ),
    );
    stop.abort(new Error('stopped'));
    await expect(cancelled).rejects.toThrow('stopped');
    const echoed = await mcp.call('all', settings, call('echo', { message: 'still here' }));
    expect(echoed.content).toEqual([{ type: 'text', text: 'Echo: still here' }]);
  },
);

test('a server over HTTP that is killed during a call fails the call, and is used again once it is back', async () => {
  const mcp = mcpServers();
  const port = await freePort();
  const first = await startEverythingOverHttp(port);
  const settings = { url: first.url };
  const begun = Promise.withResolvers<void>();
  const long = call(
    'trigger-long-running-operation',
    { duration: 600, steps: 6_000 },
    {
      timeoutMs: 600_000,
      onProgress: () => begun.resolve(),
    },
  );
  const killed = mcp.call('all', settings, long);
  await begun.promise;
  await first.kill();
  await expect(killed).rejects.toMatchObject({ mayHaveTakenEffect: true, retryable: true });

  await expect(mcp.call('all', settings, call('echo', { message: 'gone' }))).rejects.toThrow(
    /The MCP server "all" cannot be reached \(ECONNREFUSED\)/,
  );
  await startEverythingOverHttp(port);
  await expect
    .poll(
      async () =>
        await mcp.list('all', settings, signal).then(
          ({ tools }) => tools.length > 0,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true);
});

test('a server over HTTP that was started again, and has no session any more, is called once more', async () => {
  const mcp = mcpServers();
  const port = await freePort();
  const first = await startEverythingOverHttp(port);
  const settings = { url: first.url };
  await mcp.list('all', settings, signal);
  await first.kill();
  await startEverythingOverHttp(port);
  const echoed = await mcp.call('all', settings, call('echo', { message: 'again' }));
  expect(echoed.content).toEqual([{ type: 'text', text: 'Echo: again' }]);
});
