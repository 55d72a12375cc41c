import type { Benchmark } from './benchmark.ts';
import { budgets } from './budgets.ts';
import { bytesWritten } from './bytes-written.ts';
import { endToEnd } from './end-to-end/end-to-end.ts';
import { firstToken } from './end-to-end/first-token.ts';
import { receipts } from './end-to-end/receipts.ts';
import { growth } from './end-to-end/growth.ts';
import { temporalWrites } from './end-to-end/temporal-writes.ts';
import { conversations } from './end-to-end/conversations.ts';
import { bursts } from './end-to-end/bursts.ts';
import { overload } from './end-to-end/overload.ts';
import { redis } from './end-to-end/redis.ts';
import { recovery } from './end-to-end/recovery.ts';
import { codeMode } from './code-mode.ts';
import { erasure } from './erasure/erasure.ts';
import type { EndToEndBenchmark } from './end-to-end/end-to-end-benchmark.ts';
import { deltaLatency } from './delta-latency.ts';
import { firstDelta } from './first-delta.ts';
import { history } from './history.ts';
import { idleMemory } from './idle-memory.ts';
import { longSession } from './long-session.ts';
import { memories } from './memories/memories.ts';
import { sessionsList } from './sessions-list.ts';
import { turns } from './turns.ts';

/** Benchmarks of whole systems over HTTP, in the order in which they run. */
export const END_TO_END: readonly EndToEndBenchmark[] = [
  endToEnd,
  firstToken,
  receipts,
  growth,
  temporalWrites,
  conversations,
  bursts,
  recovery,
  overload,
  redis,
];

/** Benchmarks in one process, in the order in which they run, after those of whole systems. */
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
  memories,
  codeMode,
  erasure,
];
