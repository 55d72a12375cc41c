import { expect, test } from 'vitest';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { childLimits, childLimitsSchema } from '../../contracts/capabilities/agent-tool.ts';
import { lastUserMessage } from '../../testing/function-models.ts';
import { startPerdure } from '../../testing/start-perdure.ts';
import { FACE, folderOf } from '../support/template-files.ts';
import { codeBlocks, read } from './documents.ts';

const page = read('docs/capabilities/agents-as-tools.md');
const blocks = codeBlocks(page);

/** The files of the page, by the names in their first lines. */
async function agents(): Promise<string> {
  const files = blocks.flatMap(({ code }) => {
    const name = /^(?:#|\/\/) agents\/(\S+)/.exec(code)?.[1];
    return name === undefined ? [] : [[name, code.replace("'perdure/agents'", `'${FACE}'`)] as const];
  });
  return await folderOf(Object.fromEntries(files));
}

test('the page lists every setting and its default', () => {
  for (const name of Object.keys(childLimitsSchema.shape)) expect(page).toContain(`\`${name}\``);
  expect(page).toContain(`limits: { childDepth: ${childLimits().depth}, childrenPerRun: ${childLimits().perRun} }`);
});

test('the agents of the page do what it shows: a call is a run of its own, and its answer is the result', async () => {
  const folder = await agents();
  const registry = await loadTemplates(folder);
  expect(registry.agent('editor')?.tools).toMatchObject([{ name: 'correct_spelling', agent: { name: 'proofreader' } }]);
  await using perdure = await startPerdure({
    agents: folder,
    model: (request) => {
      const isLead = request.instructions?.startsWith('Plan') ?? false;
      if (!isLead) return `facts about ${lastUserMessage(request)}`;
      const result = request.messages.find(({ role }) => role === 'tool');
      if (result) return `With ${result.content}.`;
      const call = { callId: 'c1', tool: 'researcher', arguments: { task: 'bees' }, malformed: null };
      return { toolCalls: [call] };
    },
    deployment: { prices: [{ model: 'function/*', inputUsd: 1, outputUsd: 1 }] },
  });
  const session = perdure.perdure.session('s');
  const answer = await session.ask({ content: 'Write about bees.', agent: 'lead' });
  expect(answer.text).toBe('With facts about bees.');
}, 120_000);
