import type { ErasureStep } from '../../contracts/admin/erasure.ts';
import type { ErasedCounts, ErasureRef } from '../../store/admin/erasure/erasures.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { UserExecutions } from '../shared/temporal/user-executions.ts';

/** The erasure that a worker executes. */
export interface ErasureTask extends ErasureRef {
  readonly deps: ActivityDeps;
  readonly executions: UserExecutions;
  /** Aborted when the worker is to stop; what was not erased yet is erased by the next attempt. */
  readonly signal: AbortSignal;
  /** The sessions whose copies outside the store this attempt has removed. */
  readonly forgotten: SessionKey[];
}

/**
 * Erases what one place has of a user. Safe to repeat. What it erases is counted with it, in one transaction wherever there is one, so
 * that the report is right whenever an attempt ends.
 */
export interface Eraser {
  readonly step: ErasureStep;
  readonly erase: (task: ErasureTask) => Promise<void>;
  /** How much is left, by place; for the scan at the end. Absent where another eraser's scan covers it. */
  readonly remaining?: (task: ErasureTask) => Promise<ErasedCounts>;
}
