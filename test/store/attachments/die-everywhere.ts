import type { Db } from '../../../store/db/db.ts';
import type { AttachmentPlace } from '../../../store/places/attachment-place.ts';

class Died extends Error {}

/** A process that dies at its `step`-th call of the store or of a place: before it has an effect, or before its result arrives. */
function dying(db: Db, step: number, when: 'before' | 'after'): { readonly db: Db; readonly steps: () => number } {
  let steps = 0;
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    steps += 1;
    if (steps > step || (steps === step && when === 'before')) throw new Died();
    const result = await work();
    if (steps >= step) throw new Died();
    return result;
  };
  const place = (one: AttachmentPlace): AttachmentPlace => ({
    ...one,
    write: (key, content) => call(() => one.write(key, content)),
    remove: (key) => call(() => one.remove(key)),
  });
  const all = db.places?.all.map(place) ?? [];
  const current = all.find(({ name }) => name === db.places?.current?.name) ?? null;
  return {
    steps: () => steps,
    db: {
      ...db,
      query: (sql, params) => call(() => db.query(sql, params)),
      transaction: (work) => call(() => db.transaction(work)),
      places: { all, current },
    },
  };
}

/** Runs the work of a process once for every moment at which it can die. */
export async function dieEverywhere(
  db: Db,
  work: (mortal: Db) => Promise<unknown>,
  after: () => Promise<void>,
): Promise<void> {
  for (const when of ['before', 'after'] as const) {
    for (let step = 1; ; step += 1) {
      const process = dying(db, step, when);
      const died = await work(process.db).then(
        () => false,
        () => true,
      );
      await after();
      if (!died && process.steps() < step) break;
    }
  }
}
