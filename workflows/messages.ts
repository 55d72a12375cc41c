import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { QUERY, SIGNAL, UPDATE } from '../contracts/names.ts';
import type { Receipt } from '../contracts/session/message.ts';
import type { AnsweredInboxItem, CancelledRun, OpenedSession } from '../contracts/session/commands.ts';
import type { CountsRecorded } from '../contracts/session/recorded-counts.ts';
import type { ControlSnapshot } from '../contracts/session/session.ts';

/** Inputs are `unknown`: any Temporal client can send them, and activities validate them. */
type Input = [input?: unknown];

export const updates = {
  openSession: defineUpdate<OpenedSession, Input>(UPDATE.openSession),
  submitMessage: defineUpdate<Receipt, Input>(UPDATE.submitMessage),
  recordCounts: defineUpdate<CountsRecorded, Input>(UPDATE.recordCounts),
  updateSession: defineUpdate<null, Input>(UPDATE.updateSession),
  cancelRun: defineUpdate<CancelledRun, Input>(UPDATE.cancelRun),
  resumeRun: defineUpdate<null, Input>(UPDATE.resumeRun),
  endSession: defineUpdate<null, Input>(UPDATE.endSession),
  answerApproval: defineUpdate<AnsweredInboxItem, Input>(UPDATE.answerApproval),
  answerClientCall: defineUpdate<AnsweredInboxItem, Input>(UPDATE.answerClientCall),
};

export const signals = {
  submitMessage: defineSignal<Input>(SIGNAL.submitMessage),
  recordCounts: defineSignal<Input>(SIGNAL.recordCounts),
  updateSession: defineSignal<Input>(SIGNAL.updateSession),
  cancelRun: defineSignal<Input>(SIGNAL.cancelRun),
  endSession: defineSignal<Input>(SIGNAL.endSession),
  answerApproval: defineSignal<Input>(SIGNAL.answerApproval),
  answerClientCall: defineSignal<Input>(SIGNAL.answerClientCall),
  serverLost: defineSignal<Input>(SIGNAL.serverLost),
  wake: defineSignal<Input>(SIGNAL.wake),
  checkExpiry: defineSignal<Input>(SIGNAL.checkExpiry),
  afterRuns: defineSignal<Input>(SIGNAL.afterRuns),
  continueAsNew: defineSignal<Input>(SIGNAL.continueAsNew),
  lookAtLife: defineSignal<Input>(SIGNAL.lookAtLife),
};

export const queries = {
  session: defineQuery<ControlSnapshot>(QUERY.session),
};
