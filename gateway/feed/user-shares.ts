import { PerdureError } from '../../contracts/errors.ts';
import type { GatewayLimits } from '../../contracts/limits/gateway-limits.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { BufferShare } from './buffer-share.ts';

/** What a reader serves: an event stream, a run below that of one, or a request that waits for an answer. */
export type ReaderKind = 'stream' | 'child' | 'wait';

interface Share {
  readonly open: Record<ReaderKind, number>;
  readonly buffer: BufferShare;
}

const RETRY_AFTER_MS = 5_000;

/** Counts the open readers of each user and of the gateway. */
export class UserShares {
  readonly #limits: GatewayLimits;
  readonly #shares = new Map<string, Share>();
  #open = 0;

  constructor(limits: GatewayLimits) {
    this.#limits = limits;
  }

  /** Throws `rate_limited` when the user, or the gateway, may open no further reader. */
  check(user: string, kind: ReaderKind): void {
    const ofGateway = LIMITS.subscribersPerGateway.value;
    if (this.#open >= ofGateway) {
      throw tooMany(
        `This gateway has ${ofGateway} open event streams, which is its limit. Try again, or use another gateway.`,
      );
    }
    const open = this.#shares.get(user)?.open[kind] ?? 0;
    const { streamsPerUser, waitsPerUser } = this.#limits;
    if (kind === 'stream' && open >= streamsPerUser) {
      throw tooMany(
        `You have ${open} open event streams at this gateway, which is the limit (limits.streamsPerUser). Close one, then try again.`,
      );
    }
    if (kind === 'wait' && open >= waitsPerUser) {
      throw tooMany(
        `You have ${open} requests that wait for an answer at this gateway, which is the limit (limits.waitsPerUser). Send the message without Prefer: wait, or try again.`,
      );
    }
  }

  /** Counts a reader until the returned function is called. Throws as {@link check} does. */
  enter(user: string, kind: ReaderKind): { readonly buffer: BufferShare; readonly leave: () => void } {
    this.check(user, kind);
    const share = this.#shares.get(user) ?? {
      open: { stream: 0, child: 0, wait: 0 },
      buffer: new BufferShare(this.#limits.streamBufferBytesPerUser),
    };
    this.#shares.set(user, share);
    share.open[kind] += 1;
    this.#open += 1;
    return {
      buffer: share.buffer,
      leave: () => {
        share.open[kind] -= 1;
        this.#open -= 1;
        if (share.open.stream + share.open.child + share.open.wait === 0) this.#shares.delete(user);
      },
    };
  }
}

function tooMany(message: string): PerdureError {
  return new PerdureError('rate_limited', message, { retryAfterMs: RETRY_AFTER_MS });
}
