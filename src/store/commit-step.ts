import type { PerdureEvent } from '../contracts/event.ts';
import type { Json } from '../contracts/json.ts';
import type { Finish, Usage } from '../contracts/run.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export interface CommittedCall {
  readonly callId: string;
  readonly tool: string;
  readonly arguments: Json;
  readonly inPlace: boolean;
  readonly idempotent: boolean;
  readonly refused: string | null;
}
export interface CommitStep {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly reply: {
    readonly text: string;
    readonly reasoning: string;
    readonly finish: Finish;
    readonly usage: Usage | null;
    readonly model: string;
  };
  readonly toolCalls: readonly CommittedCall[];
  readonly throughSeq: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  readonly partial: false;
  readonly completes: boolean;
}
export type StepCommit =
  | { readonly outcome: 'committed'; readonly ended: boolean; readonly events: PerdureEvent[] }
  | { readonly outcome: 'stale'; readonly events: [] };
export async function commitStep(_db: Db, _key: SessionKey, _input: CommitStep): Promise<StepCommit> {
  throw new Error('not written yet');
}
