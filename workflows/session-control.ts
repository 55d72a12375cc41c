import { CancellationScope, patched, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type {
  AdmitOutput,
  MessageDelivery,
  OpenOutput,
  ResumeOutput,
  SessionInfo,
} from '../activities/shared/contract.ts';
import type { AnsweredInboxItem, CancelledRun, OpenedSession } from '../contracts/session/commands.ts';
import type { CountsRecorded } from '../contracts/session/recorded-counts.ts';
import type { Receipt } from '../contracts/session/message.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { WakeReference } from '../contracts/session/wake-reference.ts';
import type { ControlSnapshot, SessionStatus } from '../contracts/session/session.ts';
import { fairnessKey } from '../contracts/session/fairness-key.ts';
import { sessionDetails } from '../core/session/session-details.ts';
import { bounded, untilDone } from './activity-proxies.ts';
import { Admissions } from './admissions.ts';
import type { CarriedState } from './carried-state.ts';
import { checkCancelRun, checkEndSession } from './check-command.ts';
import { wakeReference } from './wake-reference.ts';
import { lostEpoch } from './lost-epoch.ts';
import { admissionFailure, updateFailure } from './failures.ts';
import { upsertSessionAttributes } from './search-attributes.ts';
import { SessionBackground } from './session-background.ts';
import { SessionDue } from './session-due.ts';
import { SessionExpiry } from './session-expiry.ts';
import { SessionRuns } from './session-runs.ts';

/** The state of a session's workflow, and the effect of each message on it. */
export class SessionControl {
  readonly runs: SessionRuns;
  readonly background: SessionBackground;
  readonly #user: string;
  readonly #continuedAsNew: number;
  readonly #expiry: SessionExpiry;
  readonly #due: SessionDue;
  readonly #admissions = new Admissions(
    () => this.#executionIfUnknown(),
    (output) => this.#onAdmitted(output),
  );
  /** Whether the workflow ends with its only run. */
  readonly #endsWithRun: boolean;
  /** Whether a tool call waits for an answer, as far as the last activity has reported. For the details only. */
  #hasWaitingCall: boolean;
  /** Null until the store has returned it; the next activity then loads the open runs too. */
  #info: SessionInfo | null = null;

  constructor({ user }: SessionKey, carried: CarriedState | null, { expires }: { readonly expires: boolean }) {
    this.#user = user;
    this.#hasWaitingCall = typeof carried?.settleAtMs === 'number';
    this.#continuedAsNew = carried ? carried.continuedAsNew + 1 : 0;
    this.runs = new SessionRuns(fairnessKey(user), carried, {
      onChange: () => this.#updateDetails(),
      onSessionStatus: (status) => this.#setStatus(status),
      onWaits: (waits) => {
        this.#hasWaitingCall = waits !== null;
        if (waits) this.#due.schedule(waits.dueInMs);
        else this.#onRunsEnded();
        this.#updateDetails();
      },
    });
    this.#endsWithRun = !expires;
    this.#due = new SessionDue(carried?.settleAtMs ?? null, ({ session, openRuns }) => {
      if (session) this.#applyOpened({ session, openRuns });
    });
    this.background = new SessionBackground(fairnessKey(user));
    if (carried?.background) this.background.begin();
    // Executions that began before sessions expired have no timer.
    const isTimed = expires && patched('2026-11-session-lifetime');
    this.#expiry = new SessionExpiry(isTimed, carried?.dueAtMs ?? null, (session) => {
      if (this.#info) this.#applyInfo(session ?? { ...this.#info, status: 'deleted' });
    });
    if (carried) this.#applyInfo(carried.facts, { upsert: false });
  }

  /** Whether nothing is in progress but the background: no admission, no activity or end of a run, no timed expiry check. */
  get isQuiescent(): boolean {
    return this.#admissions.isQuiescent && this.runs.isQuiescent && this.#expiry.isQuiescent && this.#due.isQuiescent;
  }

  /** Whether a tool call waits for an answer. */
  get isWaiting(): boolean {
    return this.#due.isPending;
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

  async record(request: unknown, store: typeof bounded = bounded): Promise<CountsRecorded> {
    return await store.recordCounts({ request }).catch(failUpdate);
  }

  /** Cancels a run of the queue, or one that only the store has: an execution before this one was lost, or its state is not loaded yet. */
  async cancelRun(request: unknown, store: typeof bounded = bounded): Promise<CancelledRun> {
    const wanted = checkCancelRun(request);
    if (patched('2026-11-served-runs')) return { runId: await this.#cancelRun(wanted, store) };
    const cancelled = await this.runs.cancel(wanted);
    // Earlier executions looked only into the queue.
    if (cancelled !== null || !patched('2026-11-cancel-in-store')) return { runId: cancelled };
    const execution = this.#executionIfUnknown();
    const { runId, session, openRuns } = await store.cancelOpenRun({ runId: wanted, execution }).catch(failUpdate);
    if (session) this.#applyOpened({ session, openRuns });
    // It may have entered the queue meanwhile.
    if (runId !== null) await this.runs.cancel(runId);
    return { runId };
  }

  /** Only the store has the runs that an activity has gone on to, and those that have ended. A run that the workflow has is stopped without it. */
  async #cancelRun(wanted: string | null, store: typeof bounded): Promise<string | null> {
    const current = await this.runs.stopCurrentRun(wanted);
    if (current !== null) return current;
    const request = { runId: wanted, execution: this.#executionIfUnknown(), sparesRunning: this.runs.isServing };
    const { runId, session, openRuns, spared, served = false } = await store.cancelOpenRun(request).catch(failUpdate);
    if (session) this.#applyOpened({ session, openRuns });
    if (runId === null) return null;
    if (spared) await this.runs.stop(runId, served);
    else this.runs.removeEnded([runId]);
    if (!spared) this.#onRunsEnded();
    return runId;
  }

  /** Answers an approval, or hands in the result of a client tool's call. */
  async answer(
    kind: 'answerApproval' | 'answerClientCall',
    request: unknown,
    store: typeof bounded = bounded,
  ): Promise<AnsweredInboxItem> {
    const { item, ...opened } = await store[kind]({ request }).catch(failUpdate);
    this.#applyOpened(opened);
    return item;
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
      this.#due.clear();
      // A message that was admitted after the end has reopened the session.
      if (!this.runs.hasWaiting) this.#setStatus(status);
    } finally {
      this.runs.isHeld = false;
    }
    return null;
  }

  /** Goes on with the open runs after the worker that served the session was lost. */
  async serverLost(input: unknown): Promise<void> {
    if (this.#info && this.runs.isServing) this.runs.replaceServer(lostEpoch(input));
    else await this.open({}, untilDone);
  }

  /** Takes over a run that a gateway has admitted. Reads session and open runs from the store where the reference alone is not enough. */
  async wake(input: unknown): Promise<void> {
    const reference = wakeReference(input);
    this.runs.linger();
    if (reference?.run && this.#isUpToDate(reference)) {
      const { session, run, wasIdle } = reference;
      this.#applyInfo(session);
      this.runs.enqueue([run]);
      if (wasIdle) this.runs.noteStarted(run, reference.epoch);
    } else {
      const load = { deliveries: [], execution: this.#execution };
      this.#onAdmitted(await CancellationScope.nonCancellable(() => untilDone.admitMessages(load)));
    }
    this.runs.noteEpoch(reference?.epoch);
    const interrupts = reference?.interrupts ?? null;
    if (interrupts !== null) this.runs.interrupt(interrupts);
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
    const { dueAtMs: settleAtMs } = this.#due;
    const due = { dueAtMs, ...(settleAtMs === null ? {} : { settleAtMs }) };
    const background = this.background.isDue ? { background: true } : {};
    return { facts: this.#info, ...this.runs.carry(), continuedAsNew: this.#continuedAsNew, ...due, ...background };
  }

  /** The same for every execution of one start. The store recognises a repeated request of a recovering session by it. */
  get #execution(): string {
    return workflowInfo().firstExecutionRunId;
  }

  #executionIfUnknown(): string | null {
    return this.#info ? null : this.#execution;
  }

  /** Whether this execution has the state of the session, and the run that was admitted before that of the reference. */
  #isUpToDate({ after }: WakeReference): boolean {
    const { queue, currentRun } = this.snapshot();
    return this.status === 'active' && (after === undefined || after === currentRun || queue.includes(after));
  }

  #applyOpened({ session, openRuns }: Pick<OpenOutput & ResumeOutput, 'session' | 'openRuns'>): void {
    this.#applyInfo(session);
    this.runs.enqueue(openRuns);
  }

  #onAdmitted({ session, openRuns, verdicts, served = false, epoch }: AdmitOutput): void {
    if (session) this.#applyInfo(session);
    if (openRuns) this.runs.enqueue(openRuns);
    // Of a message that a Temporal client has sent.
    if (verdicts.some(({ ok }) => ok)) this.runs.returnAfterEachRun(served);
    for (const verdict of verdicts) {
      if (!verdict.ok) continue;
      const { run, duplicate, receipt, interrupts } = verdict;
      if (run) this.runs.enqueue([run]);
      if (run && !duplicate && !served && receipt.disposition === 'started') this.runs.noteStarted(run, epoch);
      if (interrupts !== null) this.runs.interrupt(interrupts, served);
    }
    this.runs.noteEpoch(epoch);
  }

  /** The only run of a workflow waits for nothing any more. */
  #onRunsEnded(): void {
    if (this.#endsWithRun) this.#due.clear();
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
    const { steps, lastRun } = this.runs.carry();
    // An answer leaves the timer open.
    const dueAtMs = this.#hasWaitingCall ? this.#due.dueAtMs : null;
    const waitsUntil = dueAtMs === null ? null : new Date(dueAtMs).toISOString();
    const facts = { status, agent, currentRun, queued: queue.length, runsEnded, lastRun, waitsUntil, steps };
    setCurrentDetails(sessionDetails(facts));
  }
}

function failUpdate(error: unknown): never {
  throw updateFailure(error);
}
