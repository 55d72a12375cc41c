import type { PerdureEvent } from '../contracts/event.ts';
import type { Json } from '../contracts/json.ts';
import type { ToolStatus } from '../contracts/run.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export interface StartTool {
  readonly runId: string;
  readonly callId: string;
  readonly idempotent: boolean;
}
export type ToolClaim =
  | {
      readonly claim: 'run';
      readonly attempt: number;
      readonly tool: string;
      readonly step: number;
      readonly arguments: Json;
      readonly idempotencyKey: string;
      readonly events: PerdureEvent[];
    }
  | { readonly claim: 'closed'; readonly status: ToolStatus; readonly events: PerdureEvent[] };
export async function startTool(_db: Db, _key: SessionKey, _input: StartTool): Promise<ToolClaim> {
  throw new Error('not written yet');
}
