import { cleanUp } from '../../client/clean-up.ts';
import type { CleanOrder } from '../../client/http/queries.ts';
import type { Sweep, SweepRecord } from '../../contracts/maintenance.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { confirm, requireTerminal, type ConfirmOption } from '../shared/confirm.ts';
import { formatCount } from '../render/format-count.ts';
import { sweepLines } from '../look/sweeps.ts';

interface CleanOptions extends ConfirmOption {
  readonly idle?: number;
  readonly older?: number;
  readonly dryRun?: boolean;
  readonly of?: string;
  readonly allUsers?: boolean;
}

/** Interval of progress lines. */
const PROGRESS_INTERVAL_MS = 2_500;

/**
 * `perdure clean`: runs a clean-up, and shows what it did to each session and why. On a terminal it first shows what it
 * would do, and asks.
 */
export async function clean(
  deps: CommandDeps,
  { idle, older, dryRun, of, allUsers, yes }: CleanOptions,
): Promise<void> {
  const order: CleanOrder = {
    ...(idle === undefined ? {} : { idleMs: idle }),
    ...(older === undefined ? {} : { olderMs: older }),
    ...(of === undefined ? {} : { user: of }),
    ...(allUsers === undefined ? {} : { all: allUsers }),
  };
  if (!dryRun && !yes) {
    requireTerminal();
    const preview = await cleanUp(deps.client, { ...order, dryRun: true }, progressReport());
    if (Object.keys(preview.counts).length === 0) return show(deps, preview, allUsers);
    for (const line of sweepLines(preview, allUsers)) process.stderr.write(`${line}\n`);
    await confirm('Continue?');
  }
  show(deps, await cleanUp(deps.client, { ...order, dryRun: dryRun ?? false }, progressReport()), allUsers);
}

function show(deps: CommandDeps, sweep: Sweep, allUsers: boolean | undefined): void {
  if (deps.json) return deps.printJson(sweep);
  for (const line of sweepLines(sweep, allUsers)) deps.print(line);
  if (sweep.nextCursor !== null) deps.hint(`More: perdure sweeps ${sweep.id} --cursor ${sweep.nextCursor}`);
}

/** Reports the progress of a long clean-up on standard error. */
function progressReport(): (sweep: SweepRecord | null) => void {
  let reportedAt = Date.now();
  return (sweep) => {
    if (Date.now() - reportedAt < PROGRESS_INTERVAL_MS) return;
    reportedAt = Date.now();
    process.stderr.write(
      sweep === null
        ? 'Waiting for a worker to start the clean-up. Start one with `perdure worker` or `npm start`.\n'
        : `Checked ${formatCount(sweep.seen, 'session')} so far…\n`,
    );
  };
}
