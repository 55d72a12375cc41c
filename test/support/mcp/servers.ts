import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { createMcpServers, type McpServers } from '../../../mcp/mcp-servers.ts';
import { EVERYTHING, LOOPBACK } from './server-settings.ts';

export interface HttpServer {
  readonly url: string;
  kill(): Promise<void>;
}

/** Starts the server with one tool of each kind over HTTP, on loopback. Ended with the test, unless it was killed. */
export async function startEverythingOverHttp(port: number): Promise<HttpServer> {
  const child = spawn(process.execPath, ['--import', LOOPBACK, EVERYTHING, 'streamableHttp'], {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes(`listening on port ${port}`)) break;
  }
  child.stderr.resume();
  return { url: `http://127.0.0.1:${port}/mcp`, kill };
}

/** Connections that are closed with the test. */
export function mcpServers(env: NodeJS.ProcessEnv = process.env): McpServers {
  const servers = createMcpServers({ env });
  onTestFinished(async () => await servers.close());
  return servers;
}
