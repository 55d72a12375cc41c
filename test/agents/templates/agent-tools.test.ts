import { expect, test } from 'vitest';
import { agentTool } from '../../../agents/agent-tool.ts';
import { defineAgent } from '../../../agents/define-agent.ts';
import { loadTemplates, registerAgents } from '../../../agents/templates/load-templates.ts';
import { folderOf, problemsOf } from '../../support/template-files.ts';

const RESEARCHER = 'name: researcher\ndescription: Finds things out.\n';

test('an agent in the tools of a template becomes a tool with the name and the description of the agent', async () => {
  const registry = await loadTemplates(
    await folderOf({
      'a.yaml': 'name: lead\ntools: [clock, { agent: researcher, budget: { usd: 0.5 }, maxParallel: 2 }]\n',
      'b.yaml': RESEARCHER,
    }),
  );
  const lead = registry.agent('lead');
  expect(lead?.spec.tools).toEqual(['clock', 'researcher']);
  expect(lead?.tools.map(({ name }) => name)).toEqual(['clock', 'researcher']);
  expect(lead?.tools[1]).toMatchObject({
    name: 'researcher',
    description: 'Finds things out.',
    parameters: { properties: { task: { type: 'string' } }, required: ['task'] },
    agent: { name: 'researcher', budget: { usd: 0.5 }, maxParallel: 2 },
  });
});

test('agentTool gives an agent the same tool as a template does, under a name of its own', () => {
  const researcher = defineAgent({ name: 'researcher', description: 'Finds things out.' });
  const tool = agentTool(researcher, { name: 'look_up', description: 'Looks a thing up.' });
  const registry = registerAgents([researcher, defineAgent({ name: 'lead', tools: [tool], toolChoice: 'look_up' })]);
  expect(registry.agent('lead')?.tools).toMatchObject([
    { name: 'look_up', description: 'Looks a thing up.', agent: { name: 'researcher' } },
  ]);
});

test('a spec that is spread into another agent keeps the tools that are agents', () => {
  const researcher = defineAgent({ name: 'researcher' });
  const lead = defineAgent({ name: 'lead', tools: [agentTool(researcher)] });
  const copy = defineAgent({ ...lead.spec, name: 'copy' });
  const registry = registerAgents([researcher, lead, copy]);
  expect(registry.agent('copy')?.tools).toEqual(registry.agent('lead')?.tools);
});

test('an agent may be a tool of itself', () => {
  const registry = registerAgents([defineAgent({ name: 'lead', tools: [{ agent: 'lead', name: 'delegate' }] })]);
  expect(registry.agent('lead')?.tools).toMatchObject([{ name: 'delegate', agent: { name: 'lead' } }]);
});

test.each([
  ['an unknown agent', '{ agent: reseacher }', 'a.yaml:2:11 tools[0].agent: unknown agent "reseacher"; did you mean'],
  ['the name of a tool', '{ agent: researcher, name: clock }', 'another tool is already called "clock"'],
  ['an agent listed twice', '{ agent: researcher }, { agent: researcher }', 'the tool "researcher" is listed twice'],
  ['an unknown field', '{ agent: researcher, bugdet: {} }', 'tools[0]'],
  ['too many at once', '{ agent: researcher, maxParallel: 1000 }', 'tools[0].maxParallel'],
])('%s in the tools of a template is an error that names its place', async (_what, tool, problem) => {
  const problems = await problemsOf({ 'a.yaml': `name: lead\ntools: [${tool}]\n`, 'b.yaml': RESEARCHER });
  expect(problems.join('\n')).toContain(problem);
});

test('an agent whose name is no name of a tool needs one', () => {
  expect(() => defineAgent({ name: 'lead', tools: [{ agent: 'the.researcher' }] })).toThrow(
    'tools[0].name: "the.researcher" is no name of a tool; set a name without "."',
  );
});

test('what is set for an agent that is not among the tools is an error', () => {
  const options = { name: 'lead', tools: ['clock'], agentTools: [{ agent: 'researcher' }] };
  expect(() => defineAgent(options)).toThrow('agentTools[0]: the tool "researcher" is not listed in `tools`');
});
