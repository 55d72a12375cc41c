import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { defineAgent } from '../../../agents/define-agent.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { Json } from '../../../contracts/json.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import { explainRun } from '../../../core/why/explain-run.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { readRunFacts } from '../../../store/read/read-run-facts.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { freePort } from '../../support/mcp/free-port.ts';
import { fileServer, oddServer } from '../../support/mcp/server-settings.ts';
import { startEverythingOverHttp } from '../../support/mcp/servers.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** The requests of the model in the current test. */
const requests: ModelRequest[] = [];
beforeEach(() => void requests.splice(0));

/** A stack whose model makes one call, then answers with what it got for it. */
async function stackOf(
  spec: AgentSpec,
  call: { readonly tool: string; readonly arguments: Json },
  options: { readonly telemetry?: ReturnType<typeof createTelemetry> } = {},
): Promise<Stack> {
  const stack = await startStack({
    temporal: await testTemporal(),
    agents: [spec],
    ...options,
    model: (request) => {
      requests.push(request);
      const last = request.messages.at(-1);
      if (last?.role === 'tool') return `got: ${last.content}`;
      return { toolCalls: [{ callId: 'c', malformed: null, ...call }] };
    },
  });
  onTestFinished(async () => await stack[Symbol.asyncDispose]());
  return stack;
}

async function answerTo(stack: Stack, key: SessionKey, content = 'Go'): Promise<string> {
  await stack.sender.submit(key, { content });
  const events = await stack.ended(key);
  const message = events.findLast(({ type }) => type === 'message.completed');
  return message?.type === 'message.completed' ? message.text : `no answer: ${JSON.stringify(events.at(-1))}`;
}

async function lastRun({ db }: Stack, key: SessionKey) {
  const { data } = await listRuns(db, key, { limit: 1 });
  const run = await readRun(db, key, data[0]?.id ?? '');
  if (!run) throw new Error('There is no run.');
  return run;
}

test('the tools of a server over stdio are pinned with the run, and a file is written by one', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.txt');
  const { spec } = defineAgent({
    name: 'assistant',
    tools: [{ mcp: 'files', only: ['write_file', 'read_text_file', 'absent'], approval: 'never' }],
    mcpServers: { files: fileServer(folder) },
  });
  const stack = await stackOf(spec, { tool: 'write_file', arguments: { path, content: 'written' } });
  const key = stack.key();
  expect(await answerTo(stack, key)).toMatch(/^got: .*Successfully wrote/);
  expect(await readFile(path, 'utf8')).toBe('written');
  const names = requests.map(({ tools }) => tools.map(({ name }) => name));
  expect(names).toEqual([
    ['read_text_file', 'write_file'],
    ['read_text_file', 'write_file'],
  ]);
  const run = await lastRun(stack, key);
  expect(run.toolCalls).toEqual([
    expect.objectContaining({ tool: 'write_file', server: 'files', status: 'completed' }),
  ]);
  const facts = await readRunFacts(stack.db, key, run.id);
  expect(facts && explainRun(facts).spans.map(({ label }) => label)).toEqual(
    expect.arrayContaining(['mcp:files, beforeRun', 'write_file of files']),
  );
  expect(run.contextCalls).toEqual([
    expect.objectContaining({
      provider: 'mcp:files',
      phase: 'before',
      status: 'completed',
      contributed: {
        instructionsCharacters: 0,
        messages: 0,
        tools: ['read_text_file', 'write_file'],
        leftOut: ['absent: is not on the server'],
      },
    }),
  ]);
});

test('an image in the result of a server over HTTP becomes an attachment', async () => {
  const { url } = await startEverythingOverHttp(await freePort());
  const { spec } = defineAgent({
    name: 'assistant',
    tools: [{ mcp: 'all' }],
    mcpServers: { all: { url } },
  });
  const stack = await stackOf(spec, { tool: 'get-tiny-image', arguments: {} });
  const key = stack.key();
  const answer = await answerTo(stack, key);
  const parts = JSON.parse(answer.replace('got: ', '')) as Json[];
  expect(parts).toContainEqual(
    expect.objectContaining({ attachmentId: expect.stringMatching(/^att_/), contentType: 'image/png' }),
  );
  const completed = (await stack.events(key)).find(({ type }) => type === 'tool.completed');
  expect(completed).toMatchObject({ attachments: [expect.stringMatching(/^att_/)] });
});

test('two servers with tools of one name give the second the name of its server, and a call reaches that one', async () => {
  const [first, second] = [await temporaryFolder(), await temporaryFolder()];
  const only = ['list_allowed_directories'];
  const { spec } = defineAgent({
    name: 'assistant',
    tools: [
      { mcp: 'one', only },
      { mcp: 'two', only },
    ],
    mcpServers: { one: fileServer(first), two: fileServer(second) },
  });
  const stack = await stackOf(spec, { tool: 'two_list_allowed_directories', arguments: {} });
  const answer = await answerTo(stack, stack.key());
  expect(requests[0]?.tools.map(({ name }) => name)).toEqual([
    'list_allowed_directories',
    'two_list_allowed_directories',
  ]);
  expect(answer).toContain(second);
  expect(answer).not.toContain(first);
});

test('a run goes on without a server that is away, and says so to the model and in its record', async () => {
  const { spec } = defineAgent({
    name: 'assistant',
    tools: [{ mcp: 'away' }],
    toolChoice: 'required',
    mcpServers: { away: { url: `http://127.0.0.1:${await freePort()}/mcp` } },
  });
  const stack = await startStack({
    temporal: await testTemporal(),
    agents: [spec],
    model: (request) => {
      requests.push(request);
      return 'without tools';
    },
  });
  onTestFinished(async () => await stack[Symbol.asyncDispose]());
  const key = stack.key();
  expect(await answerTo(stack, key)).toBe('without tools');
  expect(requests[0]).toMatchObject({ tools: [], toolChoice: 'auto' });
  expect(requests[0]?.instructions).toContain('The tools of the MCP server "away" are not available now');
  expect((await lastRun(stack, key)).contextCalls).toEqual([
    expect.objectContaining({
      provider: 'mcp:away',
      status: 'skipped',
      attempts: 1,
      error: 'The MCP server "away" cannot be reached (ECONNREFUSED).',
    }),
  ]);
});

test('a run whose agent needs a server that does not exist fails, and its session does not', async () => {
  const { spec } = defineAgent({ name: 'assistant', tools: [{ mcp: 'nowhere', onError: 'fail' }] });
  const stack = await stackOf(spec, { tool: 'x', arguments: {} });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Go' });
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({
    type: 'run.failed',
    error: {
      code: 'context_provider_failed',
      detail: expect.stringContaining('The tools of the MCP server "nowhere" could not be listed.'),
    },
  });
  expect(requests).toEqual([]);
  expect((await lastRun(stack, key)).contextCalls?.[0]?.error).toBe(
    'There is no MCP server "nowhere". Set mcpServers.nowhere in the agent or in the deployment file.',
  );
});

test('a server that dies in the middle of a call gives the model an error, and the outcome of the call is unknown', async () => {
  const { spec } = defineAgent({
    name: 'assistant',
    tools: [{ mcp: 'odd', approval: 'never' }],
    mcpServers: { odd: oddServer('dying') },
  });
  const telemetry = createTelemetry();
  const stack = await stackOf(spec, { tool: 'act', arguments: {} }, { telemetry });
  const key = stack.key();
  const answer = await answerTo(stack, key);
  expect(answer).toContain('The MCP server "odd" closed the connection.');
  expect(await stack.events(key)).toContainEqual(expect.objectContaining({ type: 'tool.unknown', tool: 'act' }));
  const { text } = await telemetry.metrics.scrape();
  expect(text).toContain('perdure_mcp_calls_total{server="odd",outcome="failed"} 1');
  expect(text).toContain('perdure_mcp_connections{server="odd"} 0');
});

test('a server over HTTP that is killed in the middle of a call gives the model an error', async () => {
  const server = await startEverythingOverHttp(await freePort());
  const { spec } = defineAgent({
    name: 'assistant',
    tools: [{ mcp: 'all', only: ['trigger-long-running-operation'] }],
    mcpServers: { all: { url: server.url } },
  });
  const stack = await stackOf(spec, {
    tool: 'trigger-long-running-operation',
    arguments: { duration: 50, steps: 500 },
  });
  const key = stack.key();
  const begun = Promise.withResolvers<void>();
  const subscription = await stack.live.subscribe(key, (notice) => {
    if (notice.kind === 'live' && notice.event.type === 'tool.progress') begun.resolve();
  });
  onTestFinished(() => subscription.close());
  await stack.sender.submit(key, { content: 'Go' });
  await begun.promise;
  await server.kill();
  const events = await stack.ended(key);
  const message = events.findLast(({ type }) => type === 'message.completed');
  expect(message).toMatchObject({
    text: expect.stringMatching(/The MCP server "all" (closed the connection|cannot be reached)/),
  });
});

test('a text that is too large for the context becomes an attachment, of which the model gets the beginning', async () => {
  const { spec } = defineAgent({
    name: 'assistant',
    tools: [{ mcp: 'odd', approval: 'never' }],
    mcpServers: { odd: oddServer('long') },
  });
  const stack = await stackOf(spec, { tool: 'act', arguments: {} });
  const answer = await answerTo(stack, stack.key());
  const result = JSON.parse(answer.replace('got: ', '')) as { readonly beginning: string };
  expect(result).toMatchObject({
    characters: 200_000,
    file: { name: 'act.txt', contentType: 'text/plain', size: 200_000 },
  });
  expect(result.beginning).toHaveLength(2_000);
});

test('a tool of a server that the agent does not list cannot be called, whatever the run has', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'in'));
  await writeFile(join(folder, 'in', 'a.txt'), 'a');
  const { spec } = defineAgent({
    name: 'assistant',
    tools: [{ mcp: 'files', only: ['list_directory'] }],
    mcpServers: { files: fileServer(folder) },
  });
  const stack = await stackOf(spec, { tool: 'read_text_file', arguments: { path: join(folder, 'in', 'a.txt') } });
  expect(await answerTo(stack, stack.key())).toContain('There is no tool "read_text_file". Available: list_directory.');
});

let plain: Stack;
beforeAll(async () => {
  plain = await startStack({ temporal: await testTemporal(), model: () => 'ok' });
});
afterAll(() => plain[Symbol.asyncDispose]());

test('an agent without MCP servers opens no connection and stores nothing about them', async () => {
  const key = plain.key();
  expect(await answerTo(plain, key)).toBe('ok');
  expect((await lastRun(plain, key)).contextCalls).toBeUndefined();
  const { text } = await plain.telemetry.metrics.scrape();
  expect(text).not.toMatch(/^perdure_mcp_(calls_total|connections)\{/m);
});
