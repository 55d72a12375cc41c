import { setImmediate } from 'node:timers/promises';
import { centreOf, centredCodes, joinCodes, joined, type CentredCodes } from '../core/memory/centred-codes.ts';
import { isCode } from '../core/memory/vector-code.ts';
import type { Db } from '../store/db/db.ts';
import { readCodes } from '../store/memory/vector-rows.ts';

/** The codes of one user's vectors. Never changed: searches that overlap have the same ones. */
export interface UserCodes {
  /** The user's revision up to which they are complete. */
  readonly upTo: number;
  /** The highest of the revisions. */
  readonly last: number;
  readonly revisions: Float64Array;
  readonly codes: CentredCodes;
  /** The number of vectors from which the centre was calculated; later ones are relative to it, too. */
  readonly centredOn: number;
}

/** A centre of more vectors is not improved. */
const ENOUGH = 5_000;
/** A centre of fewer serves until there are so many times as many. */
const GROWTH = 4;
/** Dimensions that are coded without a pause: about five milliseconds. */
const SLICE = 2 ** 19;

export function noCodes(dimensions: number): UserCodes {
  const codes = { centre: new Float32Array(dimensions), bits: new Int32Array(0), factors: new Float32Array(0) };
  return { upTo: 0, last: 0, revisions: new Float64Array(0), codes, centredOn: 0 };
}

/** Whether the centre is of enough of the vectors. */
export function isCentred({ centredOn, revisions }: UserCodes): boolean {
  return centredOn >= Math.min(ENOUGH, revisions.length / GROWTH);
}

/** Returns a user's codes with those of later revisions. The first ones that it reads determine the centre. */
export async function readUserCodes(
  db: Db,
  user: string,
  space: string,
  upTo: number,
  before: UserCodes,
): Promise<UserCodes> {
  const dimensions = before.codes.centre.length;
  const revisions = [before.revisions];
  const parts = [before.codes];
  let { centre } = before.codes;
  let { centredOn, last } = before;
  for (let after: number | null = last; after !== null;) {
    const page = await readCodes(db, user, space, after);
    for (const part of page.parts.filter(({ bytes }) => isCode(bytes, dimensions))) {
      if (centredOn === 0) {
        centre = centreOf(part.codes, part.bytes, dimensions);
        centredOn = part.revisions.length;
      }
      const atOnce = Math.ceil(SLICE / dimensions) * part.bytes;
      for (let from = 0; from < part.codes.length; from += atOnce) {
        parts.push(centredCodes(part.codes.subarray(from, from + atOnce), part.bytes, centre));
        await setImmediate();
      }
      revisions.push(part.revisions);
      last = Math.max(last, part.revisions.at(-1) ?? 0);
    }
    after = page.next;
  }
  return { upTo, last, revisions: joined(Float64Array, revisions), codes: joinCodes(centre, parts), centredOn };
}
