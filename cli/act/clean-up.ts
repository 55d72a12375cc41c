import { cleanUp } from '../../client/clean-up.ts';
import type { SweepRecord } from '../../contracts/maintenance.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatCount } from '../render/format-count.ts';
import { sweepLines } from '../look/sweeps.ts';

interface CleanOptions {
  readonly idle?: number;
  readonly older?: number;
  readonly dryRun?: boolean;
  readonly of?: string;
  readonly allUsers?: boolean;
}

/** Interval of progress lines. */
const PROGRESS_INTERVAL_MS = 2_500;

/** `perdure clean`: runs a clean-up, and shows what it did to each session and why. */
export async function clean(deps: CommandDeps, { idle, older, dryRun, of, allUsers }: CleanOptions): Promise<void> {
  const request = {
    ...(idle === undefined ? {} : { idleMs: idle }),
    ...(older === undefined ? {} : { olderMs: older }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(of === undefined ? {} : { user: of }),
    ...(allUsers === undefined ? {} : { all: allUsers }),
  };
  const sweep = await cleanUp(deps.client, request, progressReport());
  if (deps.json) return deps.printJson(sweep);
  for (const line of sweepLines(sweep, allUsers)) deps.print(line);
  if (sweep.nextCursor !== null) deps.print(`More: perdure sweeps ${sweep.id} --cursor ${sweep.nextCursor}`);
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
