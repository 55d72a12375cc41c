import { createMcpServers } from '../../../mcp/mcp-servers.ts';
import { oddServer } from './server-settings.ts';

/* Connects to a server over stdio, writes the id of the server's process, and goes on until it is ended. */
const mcp = createMcpServers();
const { signal } = new AbortController();
const { content } = await mcp.call('odd', oddServer('pid'), {
  tool: 'act',
  arguments: {},
  parameters: { type: 'object' },
  timeoutMs: 10_000,
  signal,
  onProgress: () => {},
});
const [block] = content;
process.stdout.write(`${block?.type === 'text' ? block.text : ''}\n`);
setInterval(() => {}, 1_000);
