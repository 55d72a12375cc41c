import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defineAgent } from '../../../agents/define-agent.ts';
import { listPendingItems } from '../../../store/inbox/list-items.ts';
import { lastOutput, startAskingStack, toolCall, type AskingStack } from '../../support/asking-stack.ts';
import { fileServer, oddServer } from '../../support/mcp/server-settings.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function askingStack(agent: Parameters<typeof defineAgent>[0]): Promise<AskingStack> {
  const asking = await startAskingStack({ agents: [defineAgent(agent).spec] });
  onTestFinished(async () => await asking[Symbol.asyncDispose]());
  return asking;
}

test('a tool that may overwrite something by its server asks first, one that only reads does not, and nothing is done before the approval', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.txt');
  const asking = await askingStack({
    name: 'assistant',
    tools: [{ mcp: 'files' }],
    mcpServers: { files: fileServer(folder) },
  });
  const { stack } = asking;
  const key = stack.key();
  const items = await asking.ask(key, [
    toolCall('list_directory', { path: folder }),
    toolCall('write_file', { path, content: 'written' }),
  ]);
  expect(items).toEqual([expect.objectContaining({ tool: 'write_file', kind: 'approval' })]);
  expect(existsSync(path)).toBe(false);
  await asking.approve(key, items[0]);
  expect(lastOutput(await stack.ended(key))).toContain('Successfully wrote');
  expect(existsSync(path)).toBe(true);
});

test('a remembered approval is of one definition: after the server has changed it, the tool asks again', async () => {
  const asking = await askingStack({
    name: 'assistant',
    tools: [{ mcp: 'odd' }],
    mcpServers: { odd: oddServer('renewed') },
  });
  const { stack } = asking;
  const key = stack.key();
  const first = await asking.ask(key, [toolCall('act', {}, 'first')]);
  await asking.approve(key, first[0], { remember: 'session' });
  expect(lastOutput(await stack.ended(key))).toBe('acted');
  await stack.sender.submit(key, { content: JSON.stringify([toolCall('act', {}, 'second')]) });
  await stack.until(key, (events) => events.filter(({ type }) => type === 'approval.requested').length === 2);
  const second = await listPendingItems(stack.db, key);
  expect(second).toEqual([expect.objectContaining({ callId: 'second' })]);
  await asking.approve(key, second[0], { remember: 'session' });
  expect(lastOutput(await stack.ended(key, 2))).toBe('acted');
});

test('a remembered approval holds while the definition stays the same, and a template may do without', async () => {
  const asking = await askingStack({
    name: 'assistant',
    tools: [{ mcp: 'odd' }, { mcp: 'free', approval: 'never' }],
    mcpServers: { odd: oddServer('plain'), free: oddServer('plain', { env: { NAME: 'free' } }) },
  });
  const { stack } = asking;
  const key = stack.key();
  const first = await asking.ask(key, [toolCall('act', {}, 'first'), toolCall('free_act', {}, 'free')]);
  expect(first).toEqual([expect.objectContaining({ callId: 'first' })]);
  await asking.approve(key, first[0], { remember: 'session' });
  expect(lastOutput(await stack.ended(key))).toBe('acted | acted');
  await stack.sender.submit(key, { content: JSON.stringify([toolCall('act', {}, 'second')]) });
  const events = await stack.ended(key, 2);
  expect(lastOutput(events)).toBe('acted');
  expect(events.filter(({ type }) => type === 'approval.requested')).toHaveLength(1);
});
