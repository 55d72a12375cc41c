import type { PerdureEvent } from '../contracts/event.ts';
import type { Json } from '../contracts/json.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export type ToolOutcome =
  | { readonly status: 'completed'; readonly result: Json }
  | { readonly status: 'failed' | 'unknown' | 'cancelled'; readonly error: string };
export interface ToolResult {
  readonly callId: string;
  readonly outcome: ToolOutcome;
  readonly durationMs: number;
}
export async function finishTools(
  _db: Db,
  _key: SessionKey,
  _input: { readonly runId: string; readonly results: readonly ToolResult[] },
): Promise<{ events: PerdureEvent[] }> {
  throw new Error('not written yet');
}
