import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { mcpServerSchema } from '../../contracts/mcp/mcp-server.ts';
import { mcpToolsRefSchema } from '../../contracts/mcp/mcp-tools.ts';
import { everythingServer } from '../support/mcp/server-settings.ts';
import { mcpServers } from '../support/mcp/servers.ts';
import { codeBlocks, read, ROOT, section, tableNames } from './documents.ts';

const page = read('docs/capabilities/mcp.md');

test('the agents of docs/capabilities/mcp.md load, and use the servers that they show', async () => {
  const blocks = codeBlocks(page);
  const [yaml, module] = ['yaml', 'ts'].map((language) => blocks.find((block) => block.language === language)?.code);
  // In the package, so that the module finds `perdure/agents`.
  const folder = join(ROOT, 'node_modules', `.docs-mcp-${process.pid}`);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'librarian.yaml'), yaml ?? '');
  await writeFile(join(folder, 'archivist.ts'), module ?? '');
  const registry = await loadTemplates(folder);
  const librarian = registry.agent('librarian')?.spec;
  expect(librarian).toMatchObject({
    tools: ['calculator'],
    mcp: [{ server: 'docs', only: ['search', 'fetch'] }, { server: 'files' }],
    mcpServers: { docs: { url: 'https://docs.example.com/mcp' }, files: { command: 'npx' } },
  });
  expect(registry.agent('archivist')?.spec.mcp).toEqual([
    { server: 'files', only: ['read_text_file', 'write_file'], onError: 'fail' },
  ]);
  // The server of the example is the one that the tests call.
  expect(librarian?.mcpServers?.['files']?.args?.[1]).toBe('@modelcontextprotocol/server-filesystem');
});

test('docs/capabilities/mcp.md has every setting', () => {
  const names = tableNames(section(page, 'Settings'));
  expect(names.toSorted()).toEqual(
    [...Object.keys(mcpToolsRefSchema.shape), ...Object.keys(mcpServerSchema.shape)].toSorted(),
  );
});

test('a server of the protocol makers works as the page describes', async () => {
  const { tools } = await mcpServers().list('all', everythingServer(), new AbortController().signal);
  expect(tools.map(({ name }) => name)).toContain('echo');
});
