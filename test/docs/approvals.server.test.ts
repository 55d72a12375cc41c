import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { createPerdure } from '../../client/index.ts';
import { agentSpecSchema } from '../../contracts/agent.ts';
import { approvalSettingsSchema } from '../../contracts/approvals/approval-settings.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { startPerdure, type TestPerdure } from '../../testing/index.ts';
import { codeBlocks, read, section, tableNames } from './documents.ts';

const approvals = read('docs/capabilities/approvals.md');
const clientTools = read('docs/capabilities/client-tools.md');

function blockOf(document: string, language: string, contains: string): string {
  const found = codeBlocks(document).find((block) => block.language === language && block.code.includes(contains));
  if (!found) throw new Error(`The page has no block in ${language} with ${contains}.`);
  return found.code;
}

let folder: string;
let started: TestPerdure;
const call = (tool: string, args: JsonObject) => ({ callId: `call-${tool}`, tool, arguments: args, malformed: null });

beforeAll(async () => {
  folder = await mkdtemp(join(import.meta.dirname, '.examples-'));
  await mkdir(join(folder, 'agents'));
  await writeFile(join(folder, 'agents', 'support.ts'), blockOf(approvals, 'ts', 'defineTool'));
  await writeFile(join(folder, 'agents', 'amounts.ts'), blockOf(approvals, 'ts', 'defineApprovalEvaluator'));
  await writeFile(join(folder, 'agents', 'clerk.yaml'), blockOf(approvals, 'yaml', 'name: clerk'));
  await writeFile(join(folder, 'agents', 'booking.ts'), blockOf(clientTools, 'ts', 'defineClientTool'));
  started = await startPerdure({
    agents: join(folder, 'agents'),
    user: 'ada',
    model: ({ messages }) => {
      const last = messages.at(-1);
      if (last?.role === 'tool') return last.content;
      if (last?.content.includes('seat')) return { toolCalls: [call('pick_seat', { train: 'ICE 42' })] };
      const amount = Number(/\d+/.exec(last?.content ?? '')?.[0]);
      return { toolCalls: [call('refund', { order: '1042', amount })] };
    },
  });
}, 120_000);

afterAll(async () => {
  await started?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the example of a client against the gateway of the test, and returns what it prints. */
async function runExample(name: string, code: string): Promise<unknown[][]> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await writeFile(join(folder, name), code.replaceAll('http://127.0.0.1:4747', started.url));
  await import(join(folder, name));
  const { calls } = log.mock;
  log.mockRestore();
  return calls;
}

test('docs/capabilities/approvals.md lists every setting, and its YAML is a valid agent', () => {
  expect(tableNames(section(approvals, 'Settings')).toSorted()).toEqual(
    Object.keys(approvalSettingsSchema.shape).toSorted(),
  );
  expect(agentSpecSchema.parse(parse(blockOf(approvals, 'yaml', 'name: clerk')))).toMatchObject({ name: 'clerk' });
});

test('the examples of docs/capabilities/approvals.md do what they show: a large refund waits, and is approved with another amount', async () => {
  const session = started.perdure.session('order-1042');
  const small = await session.ask({ content: 'Pay 50 back.', agent: 'support' });
  expect(small.text).toBe('Paid back 50 euros for 1042.');

  const message = { id: 'large', content: 'Pay 300 back.', agent: 'support' };
  const answer = session.ask(message);
  await vi.waitFor(async () => expect((await session.approvals()).data).toHaveLength(1), { timeout: 10_000 });
  const printed = await runExample('approve.ts', blockOf(approvals, 'ts', 'session.approve('));

  expect(printed).toEqual([['refund', { order: '1042', amount: 300 }]]);
  expect((await answer).text).toBe('Paid back 50 euros for 1042.');
  expect((await session.approvals({ status: 'answered' })).data).toMatchObject([
    { arguments: { amount: 300 }, editedArguments: { amount: 50 }, reason: 'Half is enough', answeredBy: 'ada' },
  ]);
}, 60_000);

test('an agent in YAML asks for each call of a tool that a module defines', async () => {
  // Over HTTP, without authentication, every user is an operator.
  const session = createPerdure({ gateway: started.url, user: 'ada' }).session('clerk-1');
  const asked: unknown[] = [];
  const { text } = await session.ask(
    { content: 'Pay 10 back.', agent: 'clerk' },
    {
      onApproval: (item) => {
        asked.push(item.arguments);
        return { decision: 'reject', reason: 'Not today.' };
      },
    },
  );
  expect({ text, asked }).toEqual({
    text: 'Error: The call was not approved. Reason: Not today.',
    asked: [{ order: '1042', amount: 10 }],
  });
}, 60_000);

test('the examples of docs/capabilities/client-tools.md do what they show: the client picks the seat', async () => {
  const printed = await runExample('seat.ts', blockOf(clientTools, 'ts', 'pick_seat: async'));

  expect(printed).toEqual([['{"seat":"12A of ICE 42"}']]);
}, 60_000);
