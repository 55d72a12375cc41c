import { resolve } from 'node:path';
import { LOG_LEVELS, type LogLevel } from '../../telemetry/log.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** The settings of the services, read from the environment. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  /** Whether the port was set. If not, the next free port is used. */
  readonly portChosen: boolean;
  readonly dataDir: string;
  /** Absolute, as all paths here. */
  readonly agentsDir: string;
  /** Undefined: archives are stored in the database. */
  readonly archivesDir: string | undefined;
  readonly deploymentFile: string;
  /** Whether the path of the deployment file was set. The file must exist then. */
  readonly deploymentChosen: boolean;
  /** Undefined: the embedded server. */
  readonly temporalAddress: string | undefined;
  readonly temporalNamespace: string;
  readonly temporalApiKey: string | undefined;
  /** Undefined: the embedded store. */
  readonly databaseUrl: string | undefined;
  /** Where `perdure worker` serves health and metrics; port null: nowhere. */
  readonly metricsHost: string;
  readonly metricsPort: number | null;
  readonly metricsPortChosen: boolean;
  /** Undefined: the command's own level. */
  readonly log: LogLevel | undefined;
  /** See the gateway's `tokens`. */
  readonly tokens: string | undefined;
  /** See the gateway's `operators`. */
  readonly operators: string | undefined;
  /** Whether errors in workflow code carry stacks, which costs processor time. */
  readonly workflowStacks: boolean;
}

/** Reads the settings. An empty variable counts as not set, as in a compose file. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const port = checkPort('PERDURE_PORT', given('PERDURE_PORT'));
  const archives = given('PERDURE_ARCHIVES');
  const metricsPort = given('PERDURE_METRICS_PORT');
  const metricsOff = metricsPort === 'off';
  if (!metricsOff) checkPort('PERDURE_METRICS_PORT', metricsPort);
  return {
    host: given('PERDURE_HOST') ?? '127.0.0.1',
    port: Number(port ?? 4747),
    portChosen: port !== undefined,
    dataDir: resolve(given('PERDURE_DATA') ?? '.perdure'),
    agentsDir: resolve(given('PERDURE_AGENTS') ?? 'agents'),
    archivesDir: archives === undefined ? undefined : resolve(archives),
    deploymentFile: resolve(given('PERDURE_CONFIG') ?? 'perdure.yaml'),
    deploymentChosen: given('PERDURE_CONFIG') !== undefined,
    temporalAddress: given('TEMPORAL_ADDRESS'),
    temporalNamespace: given('TEMPORAL_NAMESPACE') ?? 'default',
    temporalApiKey: given('TEMPORAL_API_KEY'),
    databaseUrl: given('DATABASE_URL'),
    metricsHost: given('PERDURE_METRICS_HOST') ?? '127.0.0.1',
    metricsPort: metricsOff ? null : Number(metricsPort ?? 9464),
    metricsPortChosen: metricsPort !== undefined,
    log: checkLog(given('PERDURE_LOG')),
    tokens: given('PERDURE_TOKENS'),
    operators: given('PERDURE_OPERATORS'),
    workflowStacks: given('PERDURE_DEBUG') !== undefined,
  };
}

function checkLog(given: string | undefined): LogLevel | undefined {
  const level = LOG_LEVELS.find((one) => one === given?.toLowerCase());
  if (level !== undefined || given === undefined) return level;
  throw new CliError(`PERDURE_LOG is ${JSON.stringify(given)}. Set it to one of ${LOG_LEVELS.join(', ')}.`, EXIT.usage);
}

function checkPort(name: string, port: string | undefined): string | undefined {
  if (port === undefined || (/^\d+$/.test(port) && Number(port) <= 65_535)) return port;
  throw new CliError(`${name} is ${JSON.stringify(port)}. Set it to a port from 0 to 65535.`, EXIT.usage);
}
