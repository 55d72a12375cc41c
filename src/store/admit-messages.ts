import type { ErrorCode } from '../contracts/errors.ts';
import type { PerdureEvent } from '../contracts/event.ts';
import type { MessageInput, Receipt, WhileRunning } from '../contracts/message.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { SessionStatus } from '../contracts/session.ts';
import type { Db } from './db.ts';
import type { OpenRun } from './open-run.ts';

export interface Admission {
  readonly messages: readonly (MessageInput & { readonly id: string })[];
  readonly defaultAgent: string;
  readonly knowsAgent: (name: string) => boolean;
  readonly kind: 'session' | 'run';
  readonly defaultWhileRunning: (agent: string) => WhileRunning;
  readonly fresh: boolean;
  readonly dedupe?: string | undefined;
}
export type AdmissionResult =
  | {
      readonly ok: true;
      readonly receipt: Receipt;
      readonly duplicate: boolean;
      readonly run: OpenRun | null;
      readonly interrupts: string | null;
      readonly steers: string | null;
    }
  | { readonly ok: false; readonly code: ErrorCode; readonly detail: string; readonly retryAfterMs: number | null };
export interface Admitted {
  readonly session: { readonly status: SessionStatus; readonly agent: string } | null;
  readonly created: boolean;
  readonly results: AdmissionResult[];
  readonly openRuns: OpenRun[] | null;
  readonly events: PerdureEvent[];
}
export async function admitMessages(_db: Db, _key: SessionKey, _admission: Admission): Promise<Admitted> {
  throw new Error('not written yet');
}
