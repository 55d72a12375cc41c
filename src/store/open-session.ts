import type { Policy } from '../contracts/agent.ts';
import type { PerdureEvent } from '../contracts/event.ts';
import type { JsonObject } from '../contracts/json.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { SessionStatus } from '../contracts/session.ts';
import type { Db } from './db.ts';
import type { OpenRun } from './open-run.ts';

export interface OpenSessionInput {
  readonly agent: string;
  readonly metadata?: JsonObject | undefined;
  readonly policy?: Policy | undefined;
  readonly kind: 'session' | 'run';
  readonly fresh: boolean;
  readonly dedupe?: string | undefined;
}
export interface OpenSessionResult {
  readonly created: boolean;
  readonly session: { readonly status: SessionStatus; readonly agent: string };
  readonly openRuns: OpenRun[] | null;
  readonly events: PerdureEvent[];
}
export async function openSession(_db: Db, _key: SessionKey, _input: OpenSessionInput): Promise<OpenSessionResult> {
  throw new Error('not written yet');
}
