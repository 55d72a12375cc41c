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

/** Silence after which it is said how far a clean-up is. */
const SILENCE_MS = 2_500;

/** `perdure clean`: what was done to which session, and why. */
export async function clean(deps: CommandDeps, { idle, older, dryRun, of, allUsers }: CleanOptions): Promise<void> {
  const order = {
    ...(idle === undefined ? {} : { idleMs: idle }),
    ...(older === undefined ? {} : { olderMs: older }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(of === undefined ? {} : { user: of }),
    ...(allUsers === undefined ? {} : { all: allUsers }),
  };
  const sweep = await cleanUp(deps.client, order, sayNowAndThen());
  if (deps.json) return deps.printJson(sweep);
  for (const line of sweepLines(sweep, allUsers)) deps.print(line);
  if (sweep.nextCursor !== null) deps.print(`More: perdure sweeps ${sweep.id} --cursor ${sweep.nextCursor}`);
}

/** Says on standard error how a clean-up goes that takes long. */
function sayNowAndThen(): (sweep: SweepRecord | null) => void {
  let saidAt = Date.now();
  return (sweep) => {
    if (Date.now() - saidAt < SILENCE_MS) return;
    saidAt = Date.now();
    process.stderr.write(
      sweep === null
        ? 'No worker has taken the clean-up yet: it begins when one does. Start one with `perdure worker`, or `npm start`.\n'
        : `looked at ${formatCount(sweep.seen, 'session')} so far…\n`,
    );
  };
}
