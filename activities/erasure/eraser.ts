import type { ErasureStep } from '../../contracts/admin/erasure.ts';
import type { ErasedCounts } from '../../store/admin/erasure/erasures.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { UserExecutions } from '../shared/temporal/user-executions.ts';

/** The erasure that a worker executes. */
export interface ErasureTask {
  readonly id: string;
  readonly user: string;
  readonly deps: ActivityDeps;
  readonly executions: UserExecutions;
  /** Aborted when the worker is to stop; what was not erased yet is erased by the next attempt. */
  readonly signal: AbortSignal;
}

/** Erases what one place has of a user. Safe to repeat: what an earlier attempt has erased counts once. */
export interface Eraser {
  readonly step: ErasureStep;
  /** Returns how much was erased, by place. */
  readonly erase: (task: ErasureTask) => Promise<ErasedCounts>;
  /** How much is left, by place; for the scan at the end. Absent where another eraser's scan covers it. */
  readonly remaining?: (task: ErasureTask) => Promise<ErasedCounts>;
}
