import { createServer } from 'node:net';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { Finding } from './finding.ts';
import { isReadiness } from './is-readiness.ts';

/** Checks that a gateway could listen on the configured port. `running`: URL of the gateway of the running `perdure start`, or null. */
export async function checkPorts(
  { client, url }: CommandDeps,
  env: NodeJS.ProcessEnv,
  running: string | null,
): Promise<Finding> {
  const check = 'Ports';
  const host = (env['PERDURE_HOST'] || '127.0.0.1').replace(/^\[(.*)\]$/, '$1');
  const port = Number(env['PERDURE_PORT'] || 4747);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return {
      check,
      state: 'problem',
      found: 'PERDURE_PORT is not a port',
      remedy: 'Set PERDURE_PORT to a number from 0 to 65535.',
    };
  }
  if (running !== null && running !== url) {
    return {
      check,
      state: 'note',
      found: `the running gateway listens at ${running}, not at ${url}`,
      remedy: `Use --url ${running}, or set PERDURE_URL.`,
    };
  }
  if (running !== null) return { check, state: 'ok', found: `${running} is used by the gateway`, remedy: null };
  const reason = await listenError(host, port);
  if (reason === null) return { check, state: 'ok', found: `${host}:${port} is free for a gateway`, remedy: null };
  if (reason === 'EADDRINUSE' && (await client.ready().then(isReadiness, () => false))) {
    return { check, state: 'ok', found: `${host}:${port} is used by the gateway`, remedy: null };
  }
  return {
    check,
    state: 'problem',
    found: `a gateway cannot listen on ${host}:${port} (${reason})`,
    remedy:
      reason === 'EADDRINUSE'
        ? 'Stop the process that uses it, or set PERDURE_PORT.'
        : 'Set PERDURE_HOST to an address of this machine.',
  };
}

/** Null when the port is free, else the error code of the system. */
async function listenError(host: string, port: number): Promise<string | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => void server.close(() => resolve(null)));
  });
}
