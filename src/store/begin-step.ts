import type { Policy } from '../contracts/agent.ts';
import type { PerdureEvent } from '../contracts/event.ts';
import type { RunStatus, ToolCallRecord } from '../contracts/run.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export interface BeginStep {
  readonly runId: string;
  readonly pin: (agent: string, sessionPolicy: Policy) => { readonly hash: string; readonly model: string };
}
export type RunPosition =
  | { readonly kind: 'ended'; readonly status: RunStatus }
  | {
      readonly kind: 'tools';
      readonly step: number;
      readonly calls: ToolCallRecord[];
      readonly agentVersion: string;
      readonly policy: Policy;
    }
  | {
      readonly kind: 'model';
      readonly step: number;
      readonly attempt: number;
      readonly throughSeq: number;
      readonly agentVersion: string;
      readonly model: string;
      readonly policy: Policy;
      readonly activeMs: number;
    };
export async function beginStep(
  _db: Db,
  _key: SessionKey,
  _input: BeginStep,
): Promise<RunPosition & { readonly events: PerdureEvent[] }> {
  throw new Error('not written yet');
}
