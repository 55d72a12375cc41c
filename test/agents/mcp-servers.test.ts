import { expect, test } from 'vitest';
import { defineAgent, type AgentOptions } from '../../agents/define-agent.ts';

const problemsOf = (options: Omit<AgentOptions, 'name'>): string => {
  try {
    defineAgent({ name: 'librarian', ...options });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

test('the servers in the tools of an agent are its `mcp`, in order, and a spec gives the same agent again', () => {
  const { spec } = defineAgent({
    name: 'librarian',
    tools: ['calculator', { mcp: 'docs', only: ['search'] }, { mcp: 'files', approval: 'never' }],
    mcpServers: { docs: { url: 'https://docs.example.com/mcp' } },
    toolChoice: 'search',
  });
  expect(spec.tools).toEqual(['calculator']);
  expect(spec.mcp).toEqual([
    { server: 'docs', only: ['search'] },
    { server: 'files', approval: 'never' },
  ]);
  expect(defineAgent(spec).spec).toEqual(spec);
});

test.each<[Omit<AgentOptions, 'name'>, string]>([
  [{ tools: [{ mcp: 'docs' }, { mcp: 'docs' }] }, 'tools[1]: the MCP server "docs" is listed twice; remove one'],
  [
    { mcpServers: { docs: { url: 'https://a.example' } } },
    'mcpServers.docs: is not used; list its tools with { mcp: docs } in `tools`, or remove the server',
  ],
  [{ tools: [{ mcp: 'docs' }], mcpServers: { docs: {} } }, 'mcpServers.docs: needs `url`, or `command` with `args`'],
  [
    { tools: [{ mcp: 'docs' }], mcpServers: { docs: { url: 'ftp://a.example' } } },
    'mcpServers.docs.url: must be an http or https URL',
  ],
  [
    { tools: [{ mcp: 'docs' }], mcpServers: { docs: { url: 'https://user:word@a.example' } } },
    'must have no user or password; put the credential into `headers`, as { env: NAME }',
  ],
  [
    { tools: [{ mcp: 'docs' }], mcpServers: { docs: { url: 'https://a.example', command: 'npx' } } },
    'mcpServers.docs: has `url` and `command`; remove one of them',
  ],
  [
    { tools: [{ mcp: 'docs' }], mcpServers: { docs: { url: 'https://a.example', env: {} } } },
    'mcpServers.docs.env: has no effect without `command`; remove this field',
  ],
  [
    { tools: [{ mcp: 'docs' }], mcpServers: { docs: { command: 'npx', env: { API_KEY: 'hunter2' } } } },
    'mcpServers.docs.env.API_KEY: is a secret by its name; set { env: NAME }, the environment variable that holds it',
  ],
])('an agent with a server that is not valid is refused with the field and the remedy', (options, problem) => {
  expect(problemsOf(options)).toContain(problem);
});

test.each([
  { url: 'https://user:hunter2@a.example' },
  { url: 'https://a.example', headers: { Authorization: 'hunter2' } },
  { url: 'https://a.example', headers: { 'X-Docs': 'hunter2\n' } },
])('a secret in a wrong place of a server is in no message', (docs) => {
  const problem = problemsOf({ tools: [{ mcp: 'docs' }], mcpServers: { docs } });
  expect(problem).not.toBe('');
  expect(problem).not.toContain('hunter2');
});
