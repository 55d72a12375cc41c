import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { QUERY, SIGNAL, UPDATE } from '../contracts/names.ts';
import type { Receipt } from '../contracts/session/message.ts';
import type { CancelledRun, OpenedSession } from '../contracts/session/commands.ts';
import type { ControlSnapshot } from '../contracts/session/session.ts';

/** Inputs are `unknown`: any Temporal client can send them, and activities validate them. */
type Input = [input?: unknown];

export const updates = {
  openSession: defineUpdate<OpenedSession, Input>(UPDATE.openSession),
  submitMessage: defineUpdate<Receipt, Input>(UPDATE.submitMessage),
  updateSession: defineUpdate<null, Input>(UPDATE.updateSession),
  cancelRun: defineUpdate<CancelledRun, Input>(UPDATE.cancelRun),
  resumeRun: defineUpdate<null, Input>(UPDATE.resumeRun),
  endSession: defineUpdate<null, Input>(UPDATE.endSession),
};

export const signals = {
  submitMessage: defineSignal<Input>(SIGNAL.submitMessage),
  updateSession: defineSignal<Input>(SIGNAL.updateSession),
  cancelRun: defineSignal<Input>(SIGNAL.cancelRun),
  endSession: defineSignal<Input>(SIGNAL.endSession),
  checkExpiry: defineSignal<Input>(SIGNAL.checkExpiry),
  lookAtLife: defineSignal<Input>(SIGNAL.lookAtLife),
};

export const queries = {
  session: defineQuery<ControlSnapshot>(QUERY.session),
};
