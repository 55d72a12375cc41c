import type { LiveEvent, PerdureEvent } from '../contracts/session/event.ts';
import type { StopReason } from '../contracts/session/run.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';

/** The uncommitted text of a step in progress, for readers who subscribe late. */
export interface TextSoFar {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly reasoning: string;
  readonly text: string;
}

/** The messages of a session's live channel. Any of them may be lost; those of one sender arrive in order. */
export type LiveMessage =
  /** Notification that the store's head is now `head`. `events`: the appended events, in order, ending at `head`; present within a process. */
  | { readonly kind: 'appended'; readonly head: number; readonly events?: readonly PerdureEvent[] | undefined }
  | { readonly kind: 'live'; readonly event: LiveEvent }
  /** Stops the activity of a run at once. */
  | { readonly kind: 'control'; readonly runId: string; readonly command: 'cancel'; readonly reason: StopReason }
  /** Requests the producer of text in this session to publish `soFar`. Sent by readers who subscribe late. */
  | { readonly kind: 'resend-text' }
  | { readonly kind: 'soFar'; readonly soFar: TextSoFar }
  /** Under {@link PROVIDERS_KEY}: a model provider has become healthy or unhealthy. */
  | { readonly kind: 'providers' };

/** The key of messages to all workers. No session has it, because a user is never empty. */
export const PROVIDERS_KEY: SessionKey = { user: '', session: 'providers' };

/**
 * Carries deltas, notifications and commands between activities and readers. Delivery is best effort: readers also poll
 * the store, and a control message is backed by Temporal's cancellation.
 */
export interface LiveChannel {
  /** Never throws and never blocks. Drops what cannot be sent. Messages may have any length. */
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
