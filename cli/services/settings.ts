import { resolve } from 'node:path';
import { isLibraryFolder } from '../../agents/templates/library-folder.ts';
import { LOG_LEVELS, type LogLevel } from '../../telemetry/log.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** The settings of the services, read from the environment, without Temporal's. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  /** Whether the port was set. If not, the next free port is used. */
  readonly portChosen: boolean;
  /** Undefined: everything is in memory. */
  readonly dataDir: string | undefined;
  /** Absolute, as all paths here. */
  readonly agentsDir: string;
  /** Undefined: archives are stored in the database. */
  readonly archivesDir: string | undefined;
  readonly deploymentFile: string;
  /** Whether the path of the deployment file was set. The file must exist then. */
  readonly deploymentChosen: boolean;
  /** Port of the embedded Temporal server. Undefined: the data folder's. */
  readonly temporalPort: number | undefined;
  /** Port of the embedded server's UI, which is turned on by setting it. */
  readonly temporalUiPort: number | undefined;
  /** Undefined: the embedded store. */
  readonly databaseUrl: string | undefined;
  /** Undefined: no Redis. */
  readonly redisUrl: string | undefined;
  /** Where `perdure worker` serves health and metrics; port null: nowhere. */
  readonly metricsHost: string;
  readonly metricsPort: number | null;
  readonly metricsPortChosen: boolean;
  /** Undefined: the command's own level. */
  readonly log: LogLevel | undefined;
  /** See the gateway's `tokens`. */
  readonly tokens: string | undefined;
  /** Keys of the payload codec; see `encryptionCodec`. */
  readonly codecKey: string | undefined;
  readonly codecDecryptKeys: string | undefined;
  /** Bearer token that `/metrics` requires. */
  readonly metricsToken: string | undefined;
  /** See the gateway's `operators`. */
  readonly operators: string | undefined;
  /** See the gateway's `origins`. */
  readonly origins: string | undefined;
  /** Whether errors in workflow code carry stacks, which costs processor time. */
  readonly workflowStacks: boolean;
  /** Temporal's worker versioning of `perdure worker` is on where the build is set. */
  readonly buildId: string | undefined;
  readonly deployment: string | undefined;
}

/** Reads the settings. An empty variable counts as not set, as in a compose file. */
export function readSettings(env: NodeJS.ProcessEnv): Settings & { readonly dataDir: string } {
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const port = checkPort('PERDURE_PORT', given('PERDURE_PORT'));
  const archives = given('PERDURE_ARCHIVES');
  const metricsPort = given('PERDURE_METRICS_PORT');
  const metricsOff = metricsPort === 'off';
  if (!metricsOff) checkPort('PERDURE_METRICS_PORT', metricsPort);
  return {
    host: withoutBrackets(given('PERDURE_HOST') ?? '127.0.0.1'),
    port: Number(port ?? 4747),
    portChosen: port !== undefined,
    dataDir: resolve(given('PERDURE_DATA') ?? '.perdure'),
    agentsDir: resolve(given('PERDURE_AGENTS') ?? defaultAgents()),
    archivesDir: archives === undefined ? undefined : resolve(archives),
    deploymentFile: resolve(given('PERDURE_CONFIG') ?? 'perdure.yaml'),
    deploymentChosen: given('PERDURE_CONFIG') !== undefined,
    temporalPort: portOf('PERDURE_TEMPORAL_PORT', given('PERDURE_TEMPORAL_PORT')),
    temporalUiPort: portOf('PERDURE_TEMPORAL_UI_PORT', given('PERDURE_TEMPORAL_UI_PORT')),
    databaseUrl: given('DATABASE_URL'),
    redisUrl: given('REDIS_URL'),
    metricsHost: withoutBrackets(given('PERDURE_METRICS_HOST') ?? '127.0.0.1'),
    metricsPort: metricsOff ? null : Number(metricsPort ?? 9464),
    metricsPortChosen: metricsPort !== undefined,
    log: checkLog(given('PERDURE_LOG')),
    tokens: given('PERDURE_TOKENS'),
    codecKey: given('PERDURE_CODEC_KEY'),
    codecDecryptKeys: given('PERDURE_CODEC_DECRYPT_KEYS'),
    metricsToken: given('PERDURE_METRICS_TOKEN'),
    operators: given('PERDURE_OPERATORS'),
    origins: given('PERDURE_ORIGINS'),
    workflowStacks: given('PERDURE_DEBUG') !== undefined,
    buildId: given('PERDURE_BUILD_ID'),
    deployment: given('PERDURE_DEPLOYMENT'),
  };
}

/** Whether keys are set with which the gateway decodes payloads of Temporal. */
export function decodesPayloads({ codecKey, codecDecryptKeys }: Settings): boolean {
  return codecKey !== undefined || codecDecryptKeys !== undefined;
}

/** An IPv6 address as in a URL, `[::1]`, is the address without brackets. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function checkLog(given: string | undefined): LogLevel | undefined {
  const level = LOG_LEVELS.find((one) => one === given?.toLowerCase());
  if (level !== undefined || given === undefined) return level;
  throw new CliError(`PERDURE_LOG is ${JSON.stringify(given)}. Set it to one of ${LOG_LEVELS.join(', ')}.`, EXIT.usage);
}

function portOf(name: string, given: string | undefined): number | undefined {
  const port = checkPort(name, given);
  return port === undefined ? undefined : Number(port);
}

function checkPort(name: string, port: string | undefined): string | undefined {
  if (port === undefined || (/^\d+$/.test(port) && Number(port) <= 65_535)) return port;
  throw new CliError(`${name} is ${JSON.stringify(port)}. Set it to a port from 0 to 65535.`, EXIT.usage);
}

/** `agents`; in a clone of Perdure, where that is its own code, the examples. */
function defaultAgents(): string {
  return isLibraryFolder('agents') ? 'examples/agents' : 'agents';
}
