import type { LiveEvent, PerdureEvent } from '../contracts/session/event.ts';
import type { StopReason } from '../contracts/session/run.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';

/** Text that is on its way in one step, for a reader who comes late. */
export interface TextSoFar {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly reasoning: string;
  readonly text: string;
}

/** What the live channel carries for a session. Anything may be lost; nothing is out of order per sender. */
export type LiveMessage =
  /** The bell: the store's head is now `head`. `events` are the appended ones where the channel can carry them (in-process), in order, ending at `head`. */
  | { readonly kind: 'appended'; readonly head: number; readonly events?: readonly PerdureEvent[] | undefined }
  | { readonly kind: 'live'; readonly event: LiveEvent }
  /** To the activity of a run: stop now. */
  | { readonly kind: 'control'; readonly runId: string; readonly command: 'cancel'; readonly reason: StopReason }
  /** A reader came late: whoever produces text for this session answers with `soFar`. */
  | { readonly kind: 'who-speaks' }
  | { readonly kind: 'soFar'; readonly soFar: TextSoFar }
  /** Under {@link PROVIDERS_KEY}: a provider of models is in trouble now, or is well again. */
  | { readonly kind: 'providers' };

/** What concerns all workers goes under this key. No session has it: a user is never empty. */
export const PROVIDERS_KEY: SessionKey = { user: '', session: 'providers' };

/**
 * Carries deltas, bells and commands between activities and readers. It is never the truth: readers look
 * at the store too, and a control message is backed by Temporal's own cancellation.
 */
export interface LiveChannel {
  /** Never throws and never waits; what cannot be sent is dropped. Messages of any length are carried whole. */
  publish(key: SessionKey, message: LiveMessage): void;
  /** Resolves once messages published from now on, by any process, reach `listener`. A listener must not throw. */
  subscribe(key: SessionKey, listener: (message: LiveMessage) => void): Promise<Subscription>;
  /** Whether the channel can be reached, for `/readyz`. */
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

export interface Subscription {
  close(): void;
}
