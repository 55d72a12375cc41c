import { anyPort, LOOPBACK } from './ports.ts';
import { ServerSupervisor, type ServerEndpoint } from './server-supervisor.ts';
import type { TemporalServer, TemporalServerOptions } from './temporal-server.ts';
import { settingsOf, temporalArguments } from './temporal-settings.ts';

/**
 * Starts or adopts a server, and resolves when it is ready. Restarts it on the same port when it dies. The server gets a
 * SIGTERM when this process exits without `stop`.
 * @throws {PerdureError} `temporal_unavailable` when it does not become ready, with the last lines of its log.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const supervisor = new ServerSupervisor(options, await endpointOf(options));
  await supervisor.start();
  return supervisor;
}

async function endpointOf(options: TemporalServerOptions): Promise<ServerEndpoint> {
  const { adopt } = options;
  const port = adopt ? portOf(`tcp://${adopt.address}`) : (options.port ?? (await anyPort()));
  const uiPort = adopt ? adopt.uiUrl && portOf(adopt.uiUrl) : options.uiPort;
  return {
    address: `${LOOPBACK}:${port}`,
    uiUrl: typeof uiPort === 'number' ? `http://${LOOPBACK}:${uiPort}` : null,
    args: temporalArguments(settingsOf(options), port, typeof uiPort === 'number' ? uiPort : null),
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
