import type { CommitObserver } from '../../telemetry/commit-observer.ts';

/** Commits that nobody counts. */
export const NO_COMMITS: CommitObserver = { record: () => {}, setAgent: () => {} };
