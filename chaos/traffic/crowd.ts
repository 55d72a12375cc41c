import { Ledger } from './ledger.ts';
import { Person } from './person.ts';
import { scriptOf } from './script.ts';

export interface CrowdOptions {
  readonly gateways: readonly string[];
  readonly people: number;
  readonly random: () => number;
  /** How long a person thinks between two messages, in ms. Default: 0.2 to 2 s. */
  readonly thinkMs?: (random: () => number) => number;
  readonly script?: (id: string, random: () => number) => string;
  /** Of the sessions' names. */
  readonly prefix?: string;
}

/** People who talk and read side by side. */
export class Crowd {
  readonly ledger = new Ledger();
  readonly sessions: readonly string[];
  readonly #stop = new AbortController();
  readonly #leave = new AbortController();
  readonly #talks: Promise<void>[];
  readonly #reads: Promise<void>[];

  constructor(options: CrowdOptions) {
    const { gateways, people, random, prefix = 'p', script = scriptOf } = options;
    const { thinkMs = (next) => 200 + next() * 1_800 } = options;
    const persons = Array.from(
      { length: people },
      (_, index) =>
        new Person({ session: `${prefix}${index + 1}`, gateways, random, ledger: this.ledger, thinkMs, script }),
    );
    this.sessions = persons.map(({ session }) => session);
    this.#talks = persons.map((person) => person.talk(this.#stop.signal));
    this.#reads = persons.map((person) => person.read(this.#leave.signal));
  }

  /** No more messages. Resolves when each that was begun has a receipt. */
  async fallSilent(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#talks);
  }

  /** Readers leave. */
  async leave(): Promise<void> {
    this.#leave.abort();
    await Promise.all(this.#reads);
  }
}
