import type { LiveEvent, PerdureEvent } from '../contracts/events/event.ts';
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

/** For the activity that serves the session. `look`: a run may be open. `leave`: no further run may begin here. */
export type ServingHint = 'look' | 'leave';

/** The messages of a session's live channel. Any of them may be lost; those of one sender arrive in order. */
export type LiveMessage =
  /** Notification that the store's head is now `head`. `events`: the appended events, in order, ending at `head`; present within a process. */
  | {
      readonly kind: 'appended';
      readonly head: number;
      readonly events?: readonly PerdureEvent[] | undefined;
      readonly serving?: ServingHint | undefined;
    }
  /** Another activity has begun to serve the session. Those with a lower epoch return. */
  | { readonly kind: 'served'; readonly epoch: number }
  /** A hint without events. */
  | { readonly kind: 'serving'; readonly serving: ServingHint }
  | { readonly kind: 'live'; readonly event: LiveEvent }
  /** Stops a run at once. `leaves`: the activity that serves the session returns then. */
  | {
      readonly kind: 'control';
      readonly runId: string;
      readonly command: 'cancel';
      readonly reason: StopReason;
      readonly leaves?: boolean | undefined;
    }
  /** Requests the producer of text in this session to publish `soFar`. Sent by readers who subscribe late. */
  | { readonly kind: 'resend-text' }
  | { readonly kind: 'soFar'; readonly soFar: TextSoFar }
  /** Under {@link PROVIDERS_KEY}: a model provider has become healthy or unhealthy. */
  | { readonly kind: 'providers' }
  /** Under {@link PAUSES_KEY}: an operator has set or removed a pause. */
  | { readonly kind: 'pauses' };

/** The key of messages to all workers. No session has it, because a user is never empty. */
export const PROVIDERS_KEY: SessionKey = { user: '', session: 'providers' };

/** The key of messages to all workers and gateways. */
export const PAUSES_KEY: SessionKey = { user: '', session: 'pauses' };

/**
 * Carries deltas, notifications and commands between activities and readers. Delivery is best effort: readers also poll
 * the store, and a control message is backed by Temporal's cancellation.
 */
export interface LiveChannel {
  /** Never throws and never blocks. Drops what cannot be sent. Messages may have any length. */
  publish(key: SessionKey, message: LiveMessage): void;
  /** Resolves once messages published from now on, by any process, reach `listener`. A listener must not throw. */
  subscribe(key: SessionKey, listener: (message: LiveMessage) => void): Promise<Subscription>;
  /**
   * The uncommitted text of the attempt that streamed last, of whichever process; null if it is not known. Present if the
   * channel keeps it outside the process that produces it. Never rejects. Takes at most some tens of milliseconds.
   */
  readText?(key: SessionKey): Promise<TextSoFar | null>;
  /** Calls `listener` when messages of any session may have been lost. Returns a function that ends it. Present if the channel can detect that. */
  onGap?(listener: () => void): () => void;
  /** Removes what the channel keeps of a session that was deleted. Present if it keeps anything. Resolves with whether it has; never rejects. */
  forget?(key: SessionKey): Promise<boolean>;
  /** Whether the channel can be reached, for `/readyz`. */
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

export interface Subscription {
  close(): void;
}
