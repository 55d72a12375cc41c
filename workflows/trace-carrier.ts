import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { Headers, WorkflowInterceptors } from '@temporalio/workflow';
import type { AdmitOutput } from '../activities/shared/contract.ts';
import { TRACE_HEADER } from '../contracts/names.ts';
import type { CarriedState } from './carried-state.ts';

/** Of the execution before, for the runs that it hands on: {runId: traceparent}. */
const CARRIED_HEADER = '_perdure-traces';
/** Runs whose trace is kept, and handed on. */
const KEPT = 200;
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What activities are called with, as far as it says whose work they do. */
interface Called {
  readonly runId?: unknown;
  readonly request?: unknown;
  readonly deliveries?: readonly { readonly input: unknown }[];
}

/**
 * Hands the trace of each message on to the activities that its message causes, and keeps it for the run that it
 * makes. Decides nothing and waits for nothing: without a trace header every call passes as it came.
 */
export const interceptors = (): WorkflowInterceptors => {
  const ofMessages = new WeakMap<object, string>();
  const ofRuns = new Map<string, string>();

  function hear({ headers, args: [message] }: { readonly headers: Headers; readonly args: unknown[] }): void {
    const traceparent = traceparentIn(headers[TRACE_HEADER]);
    if (traceparent !== null && typeof message === 'object' && message !== null) ofMessages.set(message, traceparent);
  }

  const ofMessage = (message: unknown): string | undefined =>
    typeof message === 'object' && message !== null ? ofMessages.get(message) : undefined;

  function keep(runId: unknown, traceparent: string | undefined): void {
    if (typeof runId !== 'string' || traceparent === undefined) return;
    ofRuns.delete(runId);
    ofRuns.set(runId, traceparent);
    if (ofRuns.size > KEPT) for (const oldest of [...ofRuns.keys()].slice(0, -KEPT)) ofRuns.delete(oldest);
  }

  function causeOf({ runId, request, deliveries = [] }: Called): string | undefined {
    if (typeof runId === 'string') return ofRuns.get(runId);
    return ofMessage(request) ?? deliveries.map(({ input }) => ofMessage(input)).find((one) => one !== undefined);
  }

  function traced<I extends { readonly headers: Headers; readonly args: unknown[] }>(input: I): I {
    const traceparent = causeOf(calledWith(input.args));
    return traceparent === undefined ? input : { ...input, headers: { ...input.headers, ...header({ traceparent }) } };
  }

  /** Beside whoever waits for the outcome, and before them, so that their turns come as they would without it. */
  function learn({ deliveries = [], request }: Called, outcome: Promise<unknown>): void {
    const resumed = (request as { runId?: unknown } | undefined)?.runId;
    keep(resumed, ofMessage(request));
    if (!deliveries.some(({ input }) => ofMessage(input) !== undefined)) return;
    outcome.then(
      (output) =>
        (output as AdmitOutput).verdicts.forEach((verdict, index) => {
          if (verdict.ok && verdict.run && !verdict.duplicate)
            keep(verdict.run.runId, ofMessage(deliveries[index]?.input));
        }),
      () => {},
    );
  }

  return {
    inbound: [
      {
        execute(input, next) {
          for (const [runId, traceparent] of handedOn(input.headers[CARRIED_HEADER])) keep(runId, traceparent);
          return next(input);
        },
        handleSignal(input, next) {
          hear(input);
          return next(input);
        },
        handleUpdate(input, next) {
          hear(input);
          return next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next(traced(input)),
        scheduleLocalActivity(input, next) {
          const outcome = next(traced(input));
          learn(calledWith(input.args), outcome);
          return outcome;
        },
        continueAsNew(input, next) {
          const queue = (input.args[0] as CarriedState | undefined)?.queue ?? [];
          const traces = queue.slice(0, KEPT).flatMap(({ runId }) => {
            const traceparent = ofRuns.get(runId);
            return traceparent === undefined ? [] : [[runId, traceparent] as const];
          });
          if (traces.length === 0) return next(input);
          const payload = defaultPayloadConverter.toPayload(Object.fromEntries(traces));
          return next({ ...input, headers: { ...input.headers, [CARRIED_HEADER]: payload } });
        },
      },
    ],
  };
};

function calledWith([first]: unknown[]): Called {
  return typeof first === 'object' && first !== null ? first : {};
}

function header(carrier: { readonly traceparent: string }): Headers {
  return { [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
}

/** Anyone may send any header: what is no trace is none. */
function traceparentIn(payload: Payload | undefined): string | null {
  const { traceparent } = objectIn(payload);
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : null;
}

function handedOn(payload: Payload | undefined): [string, string][] {
  return Object.entries(objectIn(payload)).flatMap(([runId, traceparent]) =>
    typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? [[runId, traceparent]] : [],
  );
}

function objectIn(payload: Payload | undefined): Record<string, unknown> {
  if (!payload) return {};
  try {
    const value: unknown = defaultPayloadConverter.fromPayload(payload);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
