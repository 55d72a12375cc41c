import { condition, isCancellation, patched, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { AdmitOutput, MessageDelivery, SessionInfo } from '../activities/shared/contract.ts';
import type { CancelledRun, OpenedSession } from '../contracts/session/commands.ts';
import type { Receipt } from '../contracts/session/message.ts';
import type { StopReason } from '../contracts/session/run.ts';
import type { ControlSnapshot, SessionStatus } from '../contracts/session/session.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import { fairnessKey } from '../core/session/fairness-key.ts';
import { enqueue, type OpenRun } from '../core/session/run-queue.ts';
import { sessionDetails, STEPS_SHOWN } from '../core/session/session-details.ts';
import { bounded, untilDone } from './activity-proxies.ts';
import { Admissions } from './admissions.ts';
import type { CarriedState } from './carried-state.ts';
import { Lifetime } from './session-expiry.ts';
import { checkCancelRun, checkEndSession } from './check-command.ts';
import { admissionFailure, updateFailure } from './failures.ts';
import { RunDriver } from './run-driver.ts';
import { upsertSessionAttributes } from './search-attributes.ts';

/** Until the next look at a session's life while the store is away. */
const AWAY_MS = 60_000;

/** The small state of a session, and what each message to its workflow does to it. */
export class SessionControl {
  readonly #user: string;
  readonly #admissions = new Admissions(
    () => (this.#facts ? null : this.#execution),
    (output) => this.#admitted(output),
  );
  #facts: SessionInfo | null = null;
  #closing = 0;
  #advancing = 0;
  #queue: readonly OpenRun[] = [];
  #current: RunDriver | null = null;
  #ending = false;
  /** Null for what has no expiry: runs, and executions that began before there was one. */
  readonly #lifetime: Lifetime | null;
  /** A run that waits in the queue for its next activity, because the execution is long enough. */
  #begun: string | null = null;
  #carried: Omit<CarriedState, 'facts' | 'queue' | 'begun'> = { runsEnded: 0, continuedAsNew: 0, steps: [] };

  constructor({ user }: SessionKey, carried: CarriedState | null, { expires }: { readonly expires: boolean }) {
    this.#user = user;
    const look = async (): Promise<number | null> => await this.checkExpiry();
    this.#lifetime =
      expires && patched('2026-11-session-lifetime') ? new Lifetime(look, carried?.dueAtMs ?? null) : null;
    if (!carried) return;
    this.#carried = { ...carried, continuedAsNew: carried.continuedAsNew + 1 };
    this.#queue = carried.queue;
    this.#begun = carried.begun ?? null;
    this.#learn(carried.facts, { upsert: false });
  }

  /** The same for every execution of one start: the store tells by it a repeated first question from a lost session. */
  get #execution(): string {
    return workflowInfo().firstExecutionRunId;
  }

  get hasRun(): boolean {
    return this.#queue.length > 0 && !this.#ending;
  }

  /** Nothing is being admitted, no run ended that an admission has stopped, and no activity of a run is on its way back. */
  get quiet(): boolean {
    const life = this.#lifetime?.quiet ?? true;
    return this.#admissions.isQuiescent && this.#closing === 0 && this.#advancing === 0 && life;
  }

  get status(): SessionStatus | null {
    return this.#facts?.status ?? null;
  }

  // Messages

  async submit(input: unknown): Promise<Receipt> {
    const verdict = await this.#admissions.submit(input, 'update');
    if (!verdict.ok) throw admissionFailure(verdict);
    return verdict.receipt;
  }

  async deliver(input: unknown, via: MessageDelivery['via'] = 'signal'): Promise<void> {
    await this.#admissions.submit(input, via);
  }

  async open(request: unknown): Promise<OpenedSession> {
    return await this.#open(bounded, request ?? {}).catch(failUpdate);
  }

  /** Nobody asked, so nobody is told that the store is away: it is waited for. */
  async openByItself(): Promise<void> {
    await this.#open(untilDone, {});
  }

  async #open(store: typeof bounded, request: unknown): Promise<OpenedSession> {
    const output = await store.openSession({ request, execution: this.#execution });
    this.#learn(output.session);
    this.#enqueueAll(output.openRuns);
    return { created: output.created };
  }

  /** What a signal asked for and did not get. */
  async recordRefusal(error: unknown): Promise<void> {
    const { type, message } = updateFailure(error);
    await bounded.recordRefusal({ code: type ?? 'internal', detail: message }).catch(() => {});
  }

  async update(request: unknown, store: typeof bounded = bounded): Promise<null> {
    const updated = await store.updateSession({ request }).catch(failUpdate);
    if (updated?.dueInMs !== undefined && this.#facts?.status === 'active') this.#lifetime?.lives(updated.dueInMs);
    return null;
  }

  async cancelRun(request: unknown): Promise<CancelledRun> {
    const runId = checkCancelRun(request) ?? this.#current?.runId ?? this.#begun;
    if (runId !== null && runId === this.#current?.runId) {
      await this.#current.stop('cancelled');
      return { runId };
    }
    const waiting = this.#queue.find((run) => run.runId === runId);
    if (!waiting) return { runId: null };
    this.#queue = this.#queue.filter((run) => run !== waiting);
    await this.#ended(waiting, 'cancelled');
    return { runId };
  }

  async resumeRun(request: unknown): Promise<null> {
    const output = await bounded
      .resumeRun({ request, execution: this.#facts ? null : this.#execution })
      .catch(failUpdate);
    this.#learn(output.session);
    this.#enqueueAll(output.openRuns);
    return null;
  }

  /** Stops the run that is going, then ends the session and whatever waits in it. */
  async end(request: unknown, store: typeof bounded = bounded): Promise<null> {
    checkEndSession(request);
    this.#ending = true;
    try {
      const driver = this.#current;
      await driver?.stop('session_ended');
      // What the model had said is kept by its activity; one that does not come back is not waited for.
      if (driver) await condition(() => this.#current !== driver, '2s');
      const { status, cancelledRuns } = await store.endSession({ request: request ?? {} }).catch(failUpdate);
      this.#queue = this.#queue.filter(({ runId }) => !cancelledRuns.includes(runId));
      // A message that came right after has opened the session again.
      if (this.#facts && this.#queue.length === 0) this.#learn({ ...this.#facts, status });
    } finally {
      this.#ending = false;
    }
    return null;
  }

  /** Asks the store whether the session's time is over, and answers when to look again. */
  async checkExpiry(): Promise<number | null> {
    try {
      const { session, dueInMs } = await bounded.expireSession();
      if (this.#facts) this.#learn(session ?? { ...this.#facts, status: 'deleted' });
      return dueInMs;
    } catch (error) {
      if (isCancellation(error)) return null;
      // The store is away. Nobody waits for this.
      return AWAY_MS;
    }
  }

  snapshot(): ControlSnapshot {
    return {
      status: this.#facts?.status ?? 'active',
      agent: this.#facts?.agent ?? null,
      queue: this.#queue.map(({ runId }) => runId),
      currentRun: this.#current?.runId ?? null,
      runsEnded: this.#carried.runsEnded,
      continuedAsNew: this.#carried.continuedAsNew,
    };
  }

  // Runs

  /** Takes the next run as far as it goes, or until `pause` says that this execution is long enough. */
  async advanceNext(pause: () => boolean): Promise<void> {
    const [run, ...rest] = this.#queue;
    if (!run) return;
    this.#queue = rest;
    const driver = new RunDriver(run, fairnessKey(this.#user));
    this.#current = driver;
    this.#begun = null;
    this.#show();
    try {
      let over = false;
      do {
        // A message that comes right after the answer need not wait until Temporal has heard of the answer.
        over = await Promise.race([this.#advance(driver), driver.superseded.then(() => true)]);
      } while (!over && !pause());
      if (over) this.#carried = { ...this.#carried, runsEnded: this.#carried.runsEnded + 1 };
      else [this.#queue, this.#begun] = [[run, ...this.#queue], run.runId];
    } finally {
      this.#current = null;
      this.#show();
    }
  }

  /** Whether the run is over. */
  async #advance(driver: RunDriver): Promise<boolean> {
    this.#advancing += 1;
    try {
      const { over, steps, session } = await driver.advance();
      this.#tookSteps(steps);
      if (session && this.#facts) this.#learn({ ...this.#facts, status: session });
      return over;
    } finally {
      this.#advancing -= 1;
    }
  }

  /** For the next execution. */
  carry(): CarriedState | null {
    if (!this.#facts) return null;
    const dueAtMs = this.#lifetime?.dueAtMs ?? null;
    return { ...this.#carried, facts: this.#facts, queue: this.#queue, begun: this.#begun, dueAtMs };
  }

  #admitted(output: AdmitOutput): void {
    if (output.session) this.#learn(output.session);
    if (output.openRuns) this.#enqueueAll(output.openRuns);
    for (const verdict of output.verdicts) {
      if (!verdict.ok) continue;
      if (verdict.run) {
        this.#enqueueAll([verdict.run]);
        if (!verdict.duplicate && verdict.receipt.disposition === 'started') this.#current?.noteSuccessor(verdict.run);
      }
      if (verdict.interrupts !== null) this.#interrupt(verdict.interrupts);
    }
  }

  /** The run may be between two activities or two executions: then nobody but this ends it. */
  #interrupt(runId: string): void {
    if (runId === this.#current?.runId) {
      void this.#current.stop('interrupted');
      return;
    }
    const waiting = this.#queue.find((run) => run.runId === runId);
    if (!waiting) return;
    this.#queue = this.#queue.filter((run) => run !== waiting);
    this.#closing += 1;
    void this.#ended(waiting, 'interrupted').finally(() => (this.#closing -= 1));
  }

  #enqueueAll(runs: readonly OpenRun[]): void {
    for (const run of runs) if (!this.#current?.drives(run)) this.#queue = enqueue(this.#queue, run);
    this.#show();
  }

  async #ended({ runId, ordinal }: OpenRun, reason: StopReason): Promise<void> {
    const { session } = await untilDone.endRun({ runId, ordinal, end: { status: 'cancelled', reason } });
    if (this.#facts) this.#learn({ ...this.#facts, status: session });
  }

  #tookSteps(steps: CarriedState['steps']): void {
    this.#carried = { ...this.#carried, steps: [...this.#carried.steps, ...steps].slice(-STEPS_SHOWN) };
    this.#show();
  }

  /** Search attributes are written only when one changes. */
  #learn(facts: SessionInfo, { upsert } = { upsert: true }): void {
    const before = this.#facts;
    this.#facts = { status: facts.status, agent: facts.agent };
    if (facts.status === 'active') this.#lifetime?.lives(facts.dueInMs);
    if (upsert && (before?.status !== facts.status || before.agent !== facts.agent)) {
      upsertSessionAttributes(this.#user, facts);
    }
    this.#show();
  }

  #show(): void {
    setCurrentDetails(
      sessionDetails({
        status: this.#facts?.status ?? 'active',
        agent: this.#facts?.agent ?? null,
        currentRun: this.#current?.runId ?? null,
        queued: this.#queue.length,
        runsEnded: this.#carried.runsEnded,
        steps: this.#carried.steps,
      }),
    );
  }
}

function failUpdate(error: unknown): never {
  throw updateFailure(error);
}
