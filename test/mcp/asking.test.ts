import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { McpAnswer } from '../../mcp/elicitation.ts';
import type { AskingCall } from '../../mcp/asking-connections.ts';
import { ServerConnection } from '../../mcp/server-connection.ts';
import { askingServer, oddServer } from '../support/mcp/server-settings.ts';
import { mcpServers } from '../support/mcp/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SEAT: McpAnswer = { action: 'accept', content: { row: 3, window: true } };
const SURE: McpAnswer = { action: 'accept', content: { sure: true } };

function callOf(user: string, ask: AskingCall['asking']['ask'], more: Partial<AskingCall> = {}): AskingCall {
  return {
    tool: 'book',
    arguments: {},
    parameters: { type: 'object' },
    timeoutMs: 20_000,
    signal: AbortSignal.timeout(20_000),
    onProgress: () => {},
    asking: { user, waitMs: 20_000, ask, answers: null },
    ...more,
  };
}

test('over open calls in progress at once, each question reaches the call in which it was asked', async () => {
  const servers = mcpServers();
  const settings = askingServer(join(await temporaryFolder(), 'effects'), '2025');
  const users = ['ann', 'bob', 'eve'];
  const everyone = Promise.withResolvers<void>();
  let count = 0;
  const ends = await Promise.all(
    users.map(async (user, at) => {
      const asked: string[] = [];
      const end = await servers.callAsking(
        'trains',
        settings,
        callOf(user, async ({ message }) => {
          asked.push(message);
          // Nobody answers before all have been asked.
          if ((count += 1) === users.length) everyone.resolve();
          await everyone.promise;
          if (message !== 'Which seat?') return SURE;
          return { action: 'accept', content: { row: at + 1, window: true } };
        }),
      );
      return { asked, end };
    }),
  );
  ends.forEach(({ asked, end }, at) => {
    expect(asked).toEqual(['Which seat?', `Row ${at + 1}?`]);
    expect(JSON.stringify(end)).toContain(`booked {\\"row\\":${at + 1}`);
  });
});

test('a connection is used again for calls of the same user only', async () => {
  const servers = mcpServers();
  const effects = join(await temporaryFolder(), 'effects');
  const settings = askingServer(effects, '2025');
  for (const user of ['ann', 'bob', 'ann'])
    await servers.callAsking(
      'trains',
      settings,
      callOf(user, async ({ message }) => (message === 'Which seat?' ? SEAT : { action: 'decline' })),
    );
  const pids = (await readFile(effects, 'utf8'))
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { pid: number }).pid]));
  const [ann, bob] = [...new Set(pids)];
  expect(new Set(pids).size).toBe(2);
  expect(pids.filter((pid) => pid === ann).length).toBe(2 * pids.filter((pid) => pid === bob).length);
});

test.each([
  [
    'a URL',
    'does not support URL-mode',
    { mode: 'url', message: 'Go', url: 'https://example.com', elicitationId: 'x' },
  ],
  ['a form that is no object', 'Invalid elicitation request', { message: 'Go', requestedSchema: { type: 'string' } }],
])(
  'a server that asks the user by %s is told that this is not accepted, and nobody is asked',
  async (_what, reason, params) => {
    const servers = mcpServers();
    const settings = oddServer('asking', { env: { QUESTION: JSON.stringify(params) } });
    const asked: unknown[] = [];
    const ask = async (question: unknown): Promise<McpAnswer> => {
      asked.push(question);
      return SEAT;
    };
    const end = await servers.callAsking('odd', settings, callOf('ann', ask, { tool: 'act' }));
    expect(JSON.stringify(end)).toContain(reason);
    expect(asked).toEqual([]);
  },
);

test('a question that a server asks after its call reaches nobody, and is closed', async () => {
  const asked: unknown[] = [];
  const ask = async (question: unknown): Promise<McpAnswer> => {
    asked.push(question);
    return SURE;
  };
  const options = { env: process.env, onChange: () => {}, questionsMs: 1_000 };
  const connection = new ServerConnection('odd', oddServer('late'), options);
  onTestFinished(async () => await connection.close());
  await connection.call(callOf('ann', ask, { tool: 'act' }));
  await expect.poll(() => connection.errors, { timeout: 10_000 }).toBe('told: {"action":"cancel"}');
  expect(asked).toEqual([]);
});
