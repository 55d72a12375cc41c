import type { Chance } from './chance.ts';

const WORKERS = ['worker 1', 'worker 2', 'worker 3'];

/** Workers that are killed, and frozen until their lease has run out. */
export class WorkersModel {
  readonly alive = new Set(WORKERS);
  readonly frozen = new Set<string>();
  readonly thawed = new Set<string>();
  /** Lost workers whose sessions were reported. */
  readonly reported = new Set<string>();
  /** Workers whose lease has run out. */
  readonly lost = new Set<string>();
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  isDead(actor: string): boolean {
    return actor.startsWith('worker') && !this.alive.has(actor);
  }

  /** False for a worker that is dead or frozen; true for every other actor. */
  mayAct(actor: string): boolean {
    return !this.frozen.has(actor) && !this.isDead(actor);
  }

  /** Kills or freezes a worker, rarely. One is always left. */
  harm(): void {
    const worker = this.#chance.pick([...this.alive]);
    if (worker === undefined) return;
    if (this.#chance.happens(0.01) && this.alive.size > 1) this.alive.delete(worker);
    if (this.#chance.happens(0.01) && this.frozen.size === 0 && this.alive.size > 1) this.frozen.add(worker);
  }

  /** Lets leases run out, and frozen workers go on after theirs has. */
  passTime(): void {
    if (this.#chance.happens(0.05)) {
      for (const worker of WORKERS) if (!this.mayAct(worker)) this.lost.add(worker);
    }
    for (const worker of this.frozen) {
      if (!this.lost.has(worker) || !this.#chance.happens(0.1)) continue;
      this.frozen.delete(worker);
      this.lost.delete(worker);
      this.reported.delete(worker);
      this.thawed.add(worker);
    }
  }
}
