import type { NextRun } from '../../store/serving/find-next-run.ts';
import type { Leaving } from '../../store/serving/leave-session.ts';
import type { RunAdvance } from '../run/advance-run.ts';

export type LeftSession = Exclude<Leaving, { kind: 'superseded' }>;

export interface ServingPorts {
  /** The run to begin with: null for the one that the activity was called for. */
  firstRun(): Promise<NextRun | null>;
  /** Advances a run, null for the one that the activity was called for, until it has ended or the workflow has to decide. */
  advance(run: NextRun | null): Promise<RunAdvance>;
  /** Whether to linger when no run is open. Otherwise the activity still executes the runs that are open. */
  mayLinger(): boolean;
  /** Waits for an open run. Resolves with null if none became open in time, or if the activity must return. */
  nextRun(): Promise<NextRun | null>;
  /** Whether the activity must return, so that another goes on with the open runs. */
  mustReturn(): boolean;
  leave(options: { readonly handsOver: boolean }): Promise<LeftSession>;
}

/** How the serving ended. `run`: the last run, null for the one that the activity was called for. `ended`: the number of runs that have ended. */
export type Served = { readonly run: NextRun | null; readonly ended: number } & (
  | {
      readonly kind: 'returned';
      readonly advance: Exclude<RunAdvance, { kind: 'ended' }>;
      /** The session's next run with work; null for none. */
      readonly next: NextRun | null;
    }
  | { readonly kind: 'handedOver' }
  | {
      readonly kind: 'left';
      readonly advance: Extract<RunAdvance, { kind: 'ended' }>;
      readonly left: Extract<LeftSession, { kind: 'left' }>;
    }
);

/** The order of things in which an activity serves a session, over the ports that do them. */
export async function serveRuns(ports: ServingPorts): Promise<Served> {
  let run = await ports.firstRun();
  for (let ended = 0; ;) {
    const advance = await ports.advance(run);
    if (advance.kind !== 'ended') {
      const left = await ports.leave({ handsOver: true });
      return { kind: 'returned', advance, next: left.kind === 'left' ? null : left.next, run, ended };
    }
    ended += 1;
    const next = ports.mayLinger() ? await ports.nextRun() : null;
    if (next) {
      run = next;
      continue;
    }
    const left = await ports.leave({ handsOver: ports.mustReturn() });
    if (left.kind === 'left') return { kind: 'left', advance, left, run, ended };
    run = left.next;
    if (left.kind === 'handedOver') return { kind: 'handedOver', run, ended };
  }
}
