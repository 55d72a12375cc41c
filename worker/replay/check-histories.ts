import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import type { ReplayWorkerOptions } from '@temporalio/worker';
import { missingKey } from '../../codec/payloads-in.ts';
import { candidatesOf, chooseSample, type Stratum } from '../../core/histories/choose-sample.ts';
import { seededRandom } from '../../core/histories/seeded-random.ts';
import { workflowCode } from '../workflow-bundle.ts';
import { inOrder } from './in-order.ts';
import { listOpenExecutions, type ListOptions } from './list-open-executions.ts';
import { createReplayer, type Difference } from './replay-history.ts';

export interface CheckOptions extends ListOptions {
  readonly client: Client;
  /** Number of histories; at most that many are downloaded. */
  readonly sample: number;
  /** Determines which executions are chosen at random. */
  readonly seed: number;
  /** Bytes of histories that are downloaded in all, as Temporal counts them. */
  readonly maxBytes?: number | undefined;
  readonly payloadCodecs?: readonly PayloadCodec[] | undefined;
  /** Default: this build's. */
  readonly workflowBundle?: ReplayWorkerOptions['workflowBundle'] | undefined;
  readonly onProgress?: ((progress: CheckProgress) => void) | undefined;
}

export interface CheckProgress {
  readonly checked: number;
  readonly of: number;
  readonly failed: number;
}

export interface FailedHistory extends Difference {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly events: number;
  readonly chosenAs: Stratum;
}

export interface SkippedHistory {
  readonly workflowId: string;
  readonly runId: string;
  /** `encrypted`: it differs, and has payloads that cannot be decrypted. */
  readonly reason: 'closed' | 'too_large' | 'encrypted';
  /** The id of the key of an encrypted one. */
  readonly codecKey?: string;
}

export interface HistoryCheck {
  /** Number of open executions that were listed; with `isPartial` there are more. */
  readonly open: number;
  readonly isPartial: boolean;
  /** Number of histories that were replayed. */
  readonly checked: number;
  readonly events: number;
  readonly bytes: number;
  readonly chosen: Readonly<Record<Stratum, number>>;
  readonly failed: readonly FailedHistory[];
  readonly skipped: readonly SkippedHistory[];
}

const MAX_BYTES = 512 * 1024 * 1024;
/** Downloads ahead of the replay. A history has at most 50 MB. */
const DOWNLOADS = 4;
const DESCRIPTIONS = 8;

/** Replays a sample of open sessions' histories with a build's workflow code. Throws what the Temporal client throws. */
export async function checkHistories(options: CheckOptions): Promise<HistoryCheck> {
  const { client, sample, seed, maxBytes = MAX_BYTES, onProgress } = options;
  const replayer = createReplayer(options.workflowBundle ?? (await workflowCode()), options.payloadCodecs);
  const { executions, isPartial } = await listOpenExecutions(client, options);
  const random = seededRandom(seed);
  const skipped: SkippedHistory[] = [];
  const sized: Sized[] = [];
  for await (const [one, size] of inOrder(candidatesOf(executions, sample, random), DESCRIPTIONS, (execution) =>
    sizeOf(client, execution),
  )) {
    if (size !== null) sized.push({ ...one, ...size });
  }
  const chosen = chooseSample(sized, sample, random);
  let bytes = 0;
  const affordable = chosen.filter((one) => {
    const fits = bytes + one.bytes <= maxBytes;
    if (fits) bytes += one.bytes;
    else skipped.push({ workflowId: one.workflowId, runId: one.runId, reason: 'too_large' });
    return fits;
  });
  const failed: FailedHistory[] = [];
  let checked = 0;
  let events = 0;
  const strata = { oldest: 0, newest: 0, longest: 0, random: 0 };
  const report = (): void => onProgress?.({ checked, of: affordable.length, failed: failed.length });
  report();
  const download = ({ workflowId, runId }: Sized) =>
    orNull(() => client.workflow.getHandle(workflowId, runId).fetchHistory());
  for await (const [one, history] of inOrder(affordable, DOWNLOADS, download)) {
    const { workflowId, runId, type, stratum } = one;
    if (history === null) {
      skipped.push({ workflowId, runId, reason: 'closed' });
      continue;
    }
    const length = history.events?.length ?? 0;
    const difference = await replayer.replay(workflowId, history);
    const codecKey = difference === null ? null : await missingKey(history, options.payloadCodecs);
    if (codecKey !== null) {
      skipped.push({ workflowId, runId, reason: 'encrypted', codecKey });
      continue;
    }
    if (difference !== null) failed.push({ workflowId, runId, type, events: length, chosenAs: stratum, ...difference });
    checked += 1;
    events += length;
    strata[stratum] += 1;
    report();
  }
  return { open: executions.length, isPartial, checked, events, bytes, chosen: strata, failed, skipped };
}

interface Sized {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly startedAtMs: number;
  readonly events: number;
  readonly bytes: number;
}

/** Null: the execution is no longer there. */
async function sizeOf(
  client: Client,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
): Promise<{ readonly events: number; readonly bytes: number } | null> {
  const found = await orNull(() => client.workflow.getHandle(workflowId, runId).describe());
  return found === null ? null : { events: found.historyLength, bytes: found.historySize ?? 0 };
}

async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
