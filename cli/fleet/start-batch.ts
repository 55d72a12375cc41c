import { setTimeout as delay } from 'node:timers/promises';
import type { BatchRequestInput } from '../../client/http/fleet-client.ts';
import type { Batch, BatchAction, BatchPreview } from '../../contracts/admin/batch.ts';
import { formatCount } from '../render/format-count.ts';
import { formatTable } from '../render/format-table.ts';
import { formatTime } from '../render/format-time.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { confirm, requireTerminal } from '../shared/confirm.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { toListFilter, type ListFilterOptions } from './list-filter-options.ts';
import { batchLines } from './batches.ts';

/** Interval of reads while a batch is in progress. */
const POLL_MS = 500;
/** Time without a worker after which a line says so. */
const NO_WORKER_MS = 5_000;

/** The options of `perdure batch cancel` and the like. */
interface StartOptions extends ListFilterOptions {
  readonly of?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly rate?: number;
  readonly id?: string;
  readonly detach?: boolean;
  readonly as?: 'completed' | 'failed';
  readonly reason?: string;
}

/** Of each action: the verb of a question, and what it is done to. */
const WORDS: Readonly<Record<BatchAction, { verb: string; noun: string }>> = {
  cancel: { verb: 'Cancel', noun: 'run' },
  resume: { verb: 'Resume', noun: 'run' },
  end: { verb: 'End', noun: 'session' },
  archive: { verb: 'Archive', noun: 'session' },
};

/**
 * `perdure batch ACTION`: starts a batch, and shows its progress and its report. On a terminal it first shows what matches, and asks.
 * Resolves with the exit code: 1 if something failed.
 */
export async function startBatch(deps: CommandDeps, action: BatchAction, options: StartOptions): Promise<number> {
  const request = requestOf(action, options);
  const { verb, noun } = WORDS[action];
  if (options.dryRun || !options.yes) {
    if (!options.dryRun) requireTerminal(`changes many ${noun}s`);
    const preview = await deps.client.previewBatch(request);
    if (options.dryRun && deps.json) deps.printJson(preview);
    else previewLines(deps, preview).forEach((line) => (options.dryRun ? deps.print(line) : note(line)));
    if (options.dryRun || preview.matches === 0) return EXIT.ok;
    await confirm(`${verb} ${formatCount(preview.matches, noun)}?`, 'Nothing was changed.');
  }
  const started = await deps.client.startBatch(request);
  if (options.detach) {
    if (deps.json) deps.printJson(started);
    else deps.hint(`Started. See \`perdure batch show ${started.id}\`.`);
    return EXIT.ok;
  }
  const batch = await follow(deps, started);
  if (deps.json) deps.printJson(batch);
  else for (const line of batchLines(batch)) deps.print(line);
  return batch.failed > 0 ? EXIT.failed : EXIT.ok;
}

function requestOf(action: BatchAction, options: StartOptions): BatchRequestInput {
  const { dryRun: _, yes: _yes, detach: _detach, rate, id, as, reason, of, ...rest } = options;
  const filter = { ...toListFilter(rest), user: of };
  if (Object.values(filter).every((value) => value === undefined)) {
    const { verb, noun } = WORDS[action];
    throw new CliError(
      `The filter is empty. Add one, such as --agent or --of, or --all to ${verb.toLowerCase()} every ${noun}.`,
      EXIT.usage,
    );
  }
  const given = { ...(id === undefined ? {} : { id }), ...(rate === undefined ? {} : { perSecond: rate }), filter };
  if (action !== 'end') return { ...given, action };
  return { ...given, action, status: as, ...(reason === undefined ? {} : { reason }) };
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

function previewLines(deps: CommandDeps, { action, matches, sample }: BatchPreview): string[] {
  const { noun } = WORDS[action];
  if (matches === 0) return [`No matching ${noun}s.`];
  const isOfRuns = noun === 'run';
  const heading = [...(isOfRuns ? ['RUN'] : []), 'USER', 'SESSION', 'STATUS', 'AGENT', 'CREATED'];
  const rows = sample.map((one) => [
    ...(isOfRuns ? [one.runId ?? ''] : []),
    stripControl(one.user),
    stripControl(one.sessionId),
    one.status,
    one.agent,
    formatTime(one.createdAt, deps),
  ]);
  const more = matches - sample.length;
  return [
    ...formatTable([heading, ...rows]),
    ...(more > 0 ? [`… and ${more.toLocaleString('en')} more`] : []),
    `${formatCount(matches, noun)} ${matches === 1 ? 'matches' : 'match'}.`,
  ];
}

/** Shows the progress on standard error until the batch has ended. */
async function follow(deps: CommandDeps, started: Batch): Promise<Batch> {
  note(`Batch ${started.id}. It goes on without this command; \`perdure batch stop ${started.id}\` ends it.`);
  let batch = started;
  let shown: string | null = null;
  while (batch.endedAt === null) {
    const line = progressLine(batch);
    if (line !== null && line !== shown) note(line);
    shown = line ?? shown;
    await delay(POLL_MS);
    batch = await deps.client.batch(batch.id);
  }
  return batch;
}

function progressLine({ status, createdAt, matched, done, skipped, failed }: Batch): string | null {
  if (status === 'selecting') return `Selecting, ${matched.toLocaleString('en')} so far…`;
  if (status === 'running') {
    const rest = [skipped > 0 ? `${skipped} skipped` : '', failed > 0 ? `${failed} failed` : ''].filter(Boolean);
    return [`${done.toLocaleString('en')} of ${matched.toLocaleString('en')} done`, ...rest].join(', ');
  }
  return Date.now() - Date.parse(createdAt) > NO_WORKER_MS
    ? 'Waiting for a worker to start the batch. Start one with `perdure worker` or `npm start`.'
    : null;
}
