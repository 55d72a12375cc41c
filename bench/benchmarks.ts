import type { Benchmark } from './benchmark.ts';
import { budgets } from './budgets.ts';
import { bytesWritten } from './bytes-written.ts';
import { deltaLatency } from './delta-latency.ts';
import { firstDelta } from './first-delta.ts';
import { history } from './history.ts';
import { idleMemory } from './idle-memory.ts';
import { longSession } from './long-session.ts';
import { sessionsList } from './sessions-list.ts';
import { turns } from './turns.ts';

/** All benchmarks, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  turns,
  firstDelta,
  deltaLatency,
  longSession,
  history,
  budgets,
  bytesWritten,
  idleMemory,
  sessionsList,
];
