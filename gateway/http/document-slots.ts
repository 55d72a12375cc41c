import { PerdureError } from '../../contracts/errors.ts';

export interface DocumentSlotLimits {
  /** Maximum of one user. */
  readonly perUser: number;
  /** Maximum of all users together. */
  readonly total: number;
}

/** What slots are for, in the texts of errors. */
export interface SlotNames {
  readonly one: string;
  readonly many: string;
}

const DOCUMENTS: SlotNames = { one: 'import or export', many: 'imports and exports' };

/** Slots for imports and exports, each of which holds a whole session in memory; or for other requests that take long. */
export interface DocumentSlots {
  /** Takes a slot and returns the function that frees it. Throws `rate_limited` when none is free. */
  take(user: string): () => void;
}

/** Creates the slots of one gateway. */
export function createDocumentSlots(
  { perUser, total }: DocumentSlotLimits,
  names: SlotNames = DOCUMENTS,
): DocumentSlots {
  const taken = new Map<string, number>();
  let all = 0;
  return {
    take(user) {
      const own = taken.get(user) ?? 0;
      if (own >= perUser) throw full('You have', perUser, names);
      if (all >= total) throw full('This gateway has', total, names);
      taken.set(user, own + 1);
      all += 1;
      let isFree = false;
      return () => {
        if (isFree) return;
        isFree = true;
        all -= 1;
        const left = (taken.get(user) ?? 1) - 1;
        if (left === 0) taken.delete(user);
        else taken.set(user, left);
      };
    },
  };
}

function full(whose: string, limit: number, { one, many }: SlotNames): PerdureError {
  return new PerdureError(
    'rate_limited',
    `${whose} ${limit} ${limit === 1 ? one : many} in progress, which is the limit. Try again when one has ended.`,
    { retryAfterMs: 2_000 },
  );
}
