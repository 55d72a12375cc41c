import type { Chance } from './chance.ts';
import type { WorkersModel } from './workers-model.ts';

interface Turn {
  readonly actor: string;
  readonly resolve: () => void;
}

/** Chooses which actor takes the next step, and which timer fires. */
export class Scheduler {
  readonly #chance: Chance;
  readonly #workers: WorkersModel;
  readonly #turns: Turn[] = [];
  readonly #timers = new Set<() => void>();

  constructor(chance: Chance, workers: WorkersModel) {
    this.#chance = chance;
    this.#workers = workers;
  }

  /** Resolves when the scheduler gives the actor its turn; never if it was killed. */
  turn(actor: string): Promise<void> {
    return new Promise((resolve) => this.#turns.push({ actor, resolve }));
  }

  addTimer(timer: () => void): void {
    this.#timers.add(timer);
  }

  removeTimer(timer: () => void): void {
    this.#timers.delete(timer);
  }

  takeTurn(): void {
    const able = this.#turns.filter(({ actor }) => this.#workers.mayAct(actor));
    const timers = [...this.#timers];
    const chosen = this.#chance.pick([...able, ...(this.#chance.happens(0.5) ? timers : [])]);
    if (chosen === undefined) return;
    if (typeof chosen === 'function') {
      this.#timers.delete(chosen);
      return chosen();
    }
    this.#turns.splice(this.#turns.indexOf(chosen), 1);
    chosen.resolve();
  }
}
