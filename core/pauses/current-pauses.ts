import type { Pause } from '../../contracts/admin/pause.ts';

/** What is paused, as a process has read it last. */
export interface CurrentPauses {
  readonly current: readonly Pause[];
}
