import { NamespaceNotFoundError, ServiceError } from '@temporalio/client';
import type { CheckProgress, HistoryCheck, SkippedHistory } from '../../worker/replay/check-histories.ts';
import type { ConnectionSettings } from '../../client/temporal/connection-options.ts';
import { describeConnectProblem } from '../../client/temporal/describe-connect-problem.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import { TASK_QUEUE } from '../../contracts/names.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { readSettings } from './settings.ts';
import { findConnection } from './temporal-settings.ts';

export interface CheckHistoriesOptions {
  /** The version of this build. */
  readonly version: string;
  readonly sample: number;
  readonly namespace?: string;
  readonly taskQueue?: string;
  /** ISO 8601. */
  readonly since?: string;
  readonly seed?: number;
}

/** The connection of a command, which needs a Temporal server: the configured one, or that of the running `perdure start`. */
export function temporalOf(env: NodeJS.ProcessEnv): ConnectionSettings {
  const connection = findConnection(env);
  if (connection !== null) return connection;
  throw new CliError(
    'There is no Temporal server: set TEMPORAL_ADDRESS (host:port), or run this in the folder of a running `perdure start`.',
    EXIT.usage,
  );
}

/** `perdure check-histories`: replays a sample of open sessions with this build. Resolves with the exit code. */
export async function checkHistories(
  deps: CommandDeps,
  env: NodeJS.ProcessEnv,
  options: CheckHistoriesOptions,
): Promise<number> {
  const configured = temporalOf(env);
  const { namespace = configured.namespace, taskQueue = TASK_QUEUE, sample, since, version } = options;
  const seed = options.seed ?? Math.floor(Math.random() * 1_000_000);
  // Loaded after the settings are checked, because loading takes a second.
  const [{ checkHistories: check }, { codecsOf }] = await Promise.all([
    import('../../worker/replay/check-histories.ts'),
    import('./services.ts'),
  ]);
  const payloadCodecs = codecsOf(readSettings(env));
  const connection = { ...configured, namespace };
  const temporal = lazyClient({ ...connection, payloadCodecs }, undefined, {});
  const progress = progressLine(deps);
  try {
    await temporal.get().connection.ensureConnected();
    const result = await check({
      client: temporal.get(),
      taskQueue,
      sample,
      seed,
      since: since === undefined ? undefined : new Date(since),
      payloadCodecs,
      onProgress: (state) => progress.show(state),
    });
    progress.clear();
    const about = { version, namespace, taskQueue, seed };
    if (deps.json) deps.printJson({ ...about, ...result });
    else print(deps, result, about);
    const nothingChecked = result.checked === 0 && result.skipped.some(({ reason }) => reason !== 'closed');
    return result.failed.length > 0 || nothingChecked ? EXIT.failed : EXIT.ok;
  } catch (error) {
    progress.clear();
    throw await asUnreachable(error, connection);
  } finally {
    await temporal.close();
  }
}

/** One line that is overwritten; only on a terminal. */
function progressLine(deps: CommandDeps) {
  const isShown = deps.terminal && !deps.json;
  return {
    show({ checked, of, failed }: CheckProgress): void {
      if (isShown)
        deps.write(`\r\u{1b}[KReplayed ${checked} of ${of} histories${failed === 0 ? '' : `, ${failed} failed`}…`);
    },
    clear(): void {
      if (isShown) deps.write('\r\u{1b}[K');
    },
  };
}

interface About {
  readonly version: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly seed: number;
}

function print(deps: CommandDeps, check: HistoryCheck, { version, namespace, taskQueue, seed }: About): void {
  const { open, isPartial, checked, events, failed, skipped, chosen } = check;
  if (open === 0) {
    return deps.print(`No session is open on the task queue ${taskQueue} of the namespace ${namespace}.`);
  }
  for (const { workflowId, runId, eventId, eventType, reason, events: length, chosenAs } of failed) {
    const where = eventId === null ? 'an unknown event' : `event ${eventId} of ${length}, ${eventType}`;
    deps.print(`${deps.paint('red', 'differs')}  ${stripControl(workflowId)}`);
    deps.print(`         at ${where}: ${stripControl(reason)}`);
    deps.print(deps.paint('dim', `         run ${runId}, chosen as ${chosenAs}`));
  }
  for (const [remedy, histories] of Map.groupBy(skipped, remedyOf)) {
    deps.print(`${formatCount(histories.length, 'history', 'histories')} not checked: ${remedy}`);
  }
  if (checked === 0) return deps.print(`No history of ${formatCount(open, 'open workflow')} was checked.`);
  const strata = Object.entries(chosen)
    .filter(([, count]) => count > 0)
    .map(([stratum, count]) => `${count} ${stratum}`);
  const of = `${formatCount(open, 'open workflow')}${isPartial ? ' listed, of more' : ''}`;
  const what = `${formatCount(checked, 'history', 'histories')} (${strata.join(', ')}; ${formatCount(events, 'event')}) of ${of}`;
  if (failed.length === 0) {
    return deps.print(`${deps.paint('green', 'ok')}  Perdure ${version} replays ${what}. Seed ${seed}.`);
  }
  deps.print('');
  deps.print(`Perdure ${version} does not replay ${failed.length} of ${what}. Seed ${seed}.`);
  deps.print('Do not deploy this build: its workers cannot continue these sessions.');
  deps.print('  A change of workflow code: guard it with patched(), as ARCHITECTURE.md describes.');
  deps.print('  Sessions of a newer build: check with a build that is not older than the one that runs.');
}

function remedyOf({ reason, codecKey = '' }: SkippedHistory): string {
  switch (reason) {
    case 'closed':
      return 'the workflow was removed meanwhile.';
    case 'too_large':
      return 'the sample has more than 512 MiB. Use a smaller --sample.';
    case 'encrypted':
      return `payloads are encrypted with the key ${JSON.stringify(codecKey)} and cannot be decrypted. Set PERDURE_CODEC_KEY and PERDURE_CODEC_DECRYPT_KEYS to those of the workers.`;
  }
}

/** An error of Temporal with its remedy; others as they are. */
export async function asUnreachable(error: unknown, connection: ConnectionSettings): Promise<unknown> {
  const { address, namespace } = connection;
  const at = `Temporal at ${address}`;
  if (error instanceof NamespaceNotFoundError) {
    return new CliError(
      `${at} has no namespace ${JSON.stringify(namespace)}. Set --namespace or TEMPORAL_NAMESPACE to that of the workers.`,
      EXIT.unreachable,
    );
  }
  if (!(error instanceof ServiceError) && !/connect/i.test((error as Error).message)) return error;
  const problem = await describeConnectProblem(connection);
  if (problem !== null) return new CliError(`${at} ${problem.found}. ${problem.remedy}`, EXIT.unreachable);
  const { details } = (error as { cause?: { details?: string } }).cause ?? {};
  return new CliError(
    `${at} does not respond or refused the request${details ? ` (${details})` : ''}. Check TEMPORAL_ADDRESS (host:port), TEMPORAL_NAMESPACE and the credential.`,
    EXIT.unreachable,
  );
}
