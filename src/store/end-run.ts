import type { PerdureEvent } from '../contracts/event.ts';
import type { RunError, RunStatus } from '../contracts/run.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export type RunEnd =
  | { readonly status: 'failed'; readonly error: RunError }
  | { readonly status: 'cancelled'; readonly reason: string };
export interface PartialReply {
  readonly step: number;
  readonly attempt: number;
  readonly text: string;
  readonly reasoning: string;
  readonly model: string;
  readonly throughSeq: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}
export interface EndRun {
  readonly runId: string;
  readonly end: RunEnd;
  readonly partial: PartialReply | null;
  readonly failSession: boolean;
}
export async function endRun(
  _db: Db,
  _key: SessionKey,
  _input: EndRun,
): Promise<{ status: RunStatus; events: PerdureEvent[] }> {
  throw new Error('not written yet');
}
