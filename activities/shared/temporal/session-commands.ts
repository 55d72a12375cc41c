import type { CancelledRun, EndSession } from '../../../contracts/session/commands.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';

/** Commands to the workflows of sessions, as a gateway sends them. They reject with the `PerdureError` of a refusal. */
export interface SessionCommands {
  cancel(key: SessionKey, run: { readonly runId: string }): Promise<CancelledRun>;
  /** As `cancel`, for a run without a session. */
  cancelRun(key: SessionKey, run: { readonly runId: string }): Promise<CancelledRun>;
  resume(key: SessionKey, run: { readonly runId: string }): Promise<void>;
  end(key: SessionKey, end: EndSession): Promise<void>;
}
