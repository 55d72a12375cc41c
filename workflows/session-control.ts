import { patched, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type {
  AdmitOutput,
  MessageDelivery,
  OpenOutput,
  ResumeOutput,
  SessionInfo,
} from '../activities/shared/contract.ts';
import type { CancelledRun, OpenedSession } from '../contracts/session/commands.ts';
import type { Receipt } from '../contracts/session/message.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { ControlSnapshot, SessionStatus } from '../contracts/session/session.ts';
import { fairnessKey } from '../core/session/fairness-key.ts';
import { sessionDetails } from '../core/session/session-details.ts';
import { bounded } from './activity-proxies.ts';
import { Admissions } from './admissions.ts';
import type { CarriedState } from './carried-state.ts';
import { checkCancelRun, checkEndSession } from './check-command.ts';
import { admissionFailure, updateFailure } from './failures.ts';
import { upsertSessionAttributes } from './search-attributes.ts';
import { SessionExpiry } from './session-expiry.ts';
import { SessionRuns } from './session-runs.ts';

/** The state of a session's workflow, and the effect of each message on it. */
export class SessionControl {
  readonly runs: SessionRuns;
  readonly #user: string;
  readonly #continuedAsNew: number;
  readonly #expiry: SessionExpiry;
  readonly #admissions = new Admissions(
    () => this.#executionIfUnknown(),
    (output) => this.#onAdmitted(output),
  );
  /** Null until the store has returned it; the next activity then loads the open runs too. */
  #info: SessionInfo | null = null;

  constructor({ user }: SessionKey, carried: CarriedState | null, { expires }: { readonly expires: boolean }) {
    this.#user = user;
    this.#continuedAsNew = carried ? carried.continuedAsNew + 1 : 0;
    this.runs = new SessionRuns(fairnessKey(user), carried, {
      onChange: () => this.#updateDetails(),
      onSessionStatus: (status) => this.#setStatus(status),
    });
    // Executions that began before sessions expired have no timer.
    const isTimed = expires && patched('2026-11-session-lifetime');
    this.#expiry = new SessionExpiry(isTimed, carried?.dueAtMs ?? null, (session) => {
      if (this.#info) this.#applyInfo(session ?? { ...this.#info, status: 'deleted' });
    });
    if (carried) this.#applyInfo(carried.facts, { upsert: false });
  }

  /** Whether nothing is in progress: no admission, no activity or end of a run, no timed expiry check. */
  get isQuiescent(): boolean {
    return this.#admissions.isQuiescent && this.runs.isQuiescent && this.#expiry.isQuiescent;
  }

  get status(): SessionStatus | null {
    return this.#info?.status ?? null;
  }

  async submit(input: unknown): Promise<Receipt> {
    const verdict = await this.#admissions.submit(input, 'update');
    if (!verdict.ok) throw admissionFailure(verdict);
    return verdict.receipt;
  }

  async deliver(input: unknown, via: MessageDelivery['via'] = 'signal'): Promise<void> {
    await this.#admissions.submit(input, via);
  }

  async open(request: unknown, store: typeof bounded = bounded): Promise<OpenedSession> {
    const output = await store.openSession({ request: request ?? {}, execution: this.#execution }).catch(failUpdate);
    this.#applyOpened(output);
    return { created: output.created };
  }

  /** Records that the request of a signal was refused. */
  async recordRefusal(error: unknown): Promise<void> {
    const { type, message } = updateFailure(error);
    await bounded.recordRefusal({ code: type ?? 'internal', detail: message }).catch(() => {});
  }

  async update(request: unknown, store: typeof bounded = bounded): Promise<null> {
    const updated = await store.updateSession({ request }).catch(failUpdate);
    if (updated?.dueInMs !== undefined && this.status === 'active') this.#expiry.scheduleCheck(updated.dueInMs);
    return null;
  }

  async cancelRun(request: unknown): Promise<CancelledRun> {
    return { runId: await this.runs.cancel(checkCancelRun(request)) };
  }

  async resumeRun(request: unknown): Promise<null> {
    const execution = this.#executionIfUnknown();
    this.#applyOpened(await bounded.resumeRun({ request, execution }).catch(failUpdate));
    return null;
  }

  /** Stops the current run, then ends the session and every waiting run. */
  async end(request: unknown, store: typeof bounded = bounded): Promise<null> {
    checkEndSession(request);
    this.runs.isHeld = true;
    try {
      await this.runs.stopCurrent('session_ended');
      const { status, cancelledRuns } = await store.endSession({ request: request ?? {} }).catch(failUpdate);
      this.runs.removeEnded(cancelledRuns);
      // A message that was admitted after the end has reopened the session.
      if (!this.runs.hasWaiting) this.#setStatus(status);
    } finally {
      this.runs.isHeld = false;
    }
    return null;
  }

  async checkExpiry(): Promise<void> {
    await this.#expiry.check();
  }

  snapshot(): ControlSnapshot {
    const { queue, runsEnded } = this.runs.carry();
    return {
      status: this.#info?.status ?? 'active',
      agent: this.#info?.agent ?? null,
      queue: queue.map(({ runId }) => runId),
      currentRun: this.runs.currentRunId,
      runsEnded,
      continuedAsNew: this.#continuedAsNew,
    };
  }

  /** The input of the next execution; null if the session is not known. */
  carry(): CarriedState | null {
    if (!this.#info) return null;
    const { dueAtMs } = this.#expiry;
    return { facts: this.#info, ...this.runs.carry(), continuedAsNew: this.#continuedAsNew, dueAtMs };
  }

  /** The same for every execution of one start. The store recognises a repeated request of a recovering session by it. */
  get #execution(): string {
    return workflowInfo().firstExecutionRunId;
  }

  #executionIfUnknown(): string | null {
    return this.#info ? null : this.#execution;
  }

  #applyOpened({ session, openRuns }: Pick<OpenOutput & ResumeOutput, 'session' | 'openRuns'>): void {
    this.#applyInfo(session);
    this.runs.enqueue(openRuns);
  }

  #onAdmitted({ session, openRuns, verdicts }: AdmitOutput): void {
    if (session) this.#applyInfo(session);
    if (openRuns) this.runs.enqueue(openRuns);
    for (const verdict of verdicts) {
      if (!verdict.ok) continue;
      const { run, duplicate, receipt, interrupts } = verdict;
      if (run) this.runs.enqueue([run]);
      if (run && !duplicate && receipt.disposition === 'started') this.runs.noteStarted(run);
      if (interrupts !== null) this.runs.interrupt(interrupts);
    }
  }

  #setStatus(status: SessionStatus): void {
    if (this.#info) this.#applyInfo({ ...this.#info, status });
  }

  /** Adopts what the store returned. Search attributes are upserted only if one changes. */
  #applyInfo({ status, agent, dueInMs }: SessionInfo, { upsert } = { upsert: true }): void {
    const before = this.#info;
    this.#info = { status, agent };
    if (status === 'active') this.#expiry.scheduleCheck(dueInMs);
    const isChanged = before?.status !== status || before.agent !== agent;
    if (upsert && isChanged) upsertSessionAttributes(this.#user, { status, agent });
    this.#updateDetails();
  }

  #updateDetails(): void {
    const { status, agent, currentRun, queue, runsEnded } = this.snapshot();
    const { steps } = this.runs.carry();
    setCurrentDetails(sessionDetails({ status, agent, currentRun, queued: queue.length, runsEnded, steps }));
  }
}

function failUpdate(error: unknown): never {
  throw updateFailure(error);
}
