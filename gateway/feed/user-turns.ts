import { Semaphore } from 'async-mutex';

/** Limits the work that is done for each user at once. Further work waits for its turn, in order. */
export interface UserTurns {
  run<T>(user: string, work: () => Promise<T>): Promise<T>;
}

/** `atOnce`: maximum for one user. */
export function createUserTurns(atOnce: number): UserTurns {
  const turns = new Map<string, { readonly semaphore: Semaphore; users: number }>();
  return {
    async run(user, work) {
      const entry = turns.get(user) ?? { semaphore: new Semaphore(atOnce), users: 0 };
      turns.set(user, entry);
      entry.users += 1;
      try {
        return await entry.semaphore.runExclusive(work);
      } finally {
        entry.users -= 1;
        if (entry.users === 0) turns.delete(user);
      }
    },
  };
}
