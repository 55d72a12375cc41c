import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { Headers, WorkflowInterceptors } from '@temporalio/workflow';
import type { AdmitOutput } from '../activities/shared/contract.ts';
import { SIGNAL, TRACE_HEADER } from '../contracts/names.ts';
import type { CarriedState } from './carried-state.ts';
import { wakeReference } from './wake-reference.ts';

/** Header of continue-as-new: the traces of the waiting runs, {runId: traceparent}. */
const CARRIED_HEADER = '_perdure-traces';
/** Maximum number of runs whose trace is remembered and carried over. */
const MAX_TRACED_RUNS = 200;
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The fields of an activity's input that identify the message or run it is for. */
interface ActivityInput {
  readonly runId?: unknown;
  readonly request?: unknown;
  readonly deliveries?: readonly { readonly input: unknown }[];
}

/**
 * Propagates the trace of each message to the activities of the message and of the run that it starts. Makes no decision
 * and awaits nothing, so it does not change the order of commands. Without a trace header every call passes unchanged.
 */
export const interceptors = (): WorkflowInterceptors => {
  const messageTraces = new WeakMap<object, string>();
  const runTraces = new Map<string, string>();
  /** Of the newest signal for an admitted run: the session is loaded for it. */
  let wakeTrace: string | undefined;

  function rememberMessage(headers: Headers, message: unknown): void {
    const traceparent = traceparentIn(headers[TRACE_HEADER]);
    if (traceparent === null || typeof message !== 'object' || message === null) return;
    messageTraces.set(message, traceparent);
  }

  function rememberWake(headers: Headers, reference: unknown): void {
    wakeTrace = traceparentIn(headers[TRACE_HEADER]) ?? undefined;
    rememberRun(wakeReference(reference)?.run?.runId, wakeTrace);
  }

  const traceOfMessage = (message: unknown): string | undefined =>
    typeof message === 'object' && message !== null ? messageTraces.get(message) : undefined;

  function rememberRun(runId: unknown, traceparent: string | undefined): void {
    if (typeof runId !== 'string' || traceparent === undefined) return;
    runTraces.delete(runId);
    runTraces.set(runId, traceparent);
    if (runTraces.size > MAX_TRACED_RUNS)
      for (const oldest of [...runTraces.keys()].slice(0, -MAX_TRACED_RUNS)) runTraces.delete(oldest);
  }

  function traceOf({ runId, request, deliveries }: ActivityInput): string | undefined {
    if (typeof runId === 'string') return runTraces.get(runId);
    if (deliveries?.length === 0) return wakeTrace;
    return (
      traceOfMessage(request) ?? deliveries?.map(({ input }) => traceOfMessage(input)).find((one) => one !== undefined)
    );
  }

  function traced<I extends { readonly headers: Headers; readonly args: unknown[] }>(input: I): I {
    const traceparent = traceOf(activityInput(input.args));
    return traceparent === undefined ? input : { ...input, headers: { ...input.headers, ...header({ traceparent }) } };
  }

  /**
   * Remembers the traces of the runs that the activity's outcome names. Subscribes to the outcome before the workflow does,
   * and adds no await to the workflow's own continuation.
   */
  function rememberRuns({ deliveries = [], request }: ActivityInput, outcome: Promise<unknown>): void {
    const resumed = (request as { runId?: unknown } | undefined)?.runId;
    rememberRun(resumed, traceOfMessage(request));
    if (!deliveries.some(({ input }) => traceOfMessage(input) !== undefined)) return;
    outcome.then(
      (output) =>
        (output as AdmitOutput).verdicts.forEach((verdict, index) => {
          if (verdict.ok && verdict.run && !verdict.duplicate)
            rememberRun(verdict.run.runId, traceOfMessage(deliveries[index]?.input));
        }),
      () => {},
    );
  }

  return {
    inbound: [
      {
        execute(input, next) {
          for (const [runId, traceparent] of carriedTraces(input.headers[CARRIED_HEADER]))
            rememberRun(runId, traceparent);
          return next(input);
        },
        handleSignal(input, next) {
          if (input.signalName === SIGNAL.wake) rememberWake(input.headers, input.args[0]);
          else rememberMessage(input.headers, input.args[0]);
          return next(input);
        },
        handleUpdate(input, next) {
          rememberMessage(input.headers, input.args[0]);
          return next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next(traced(input)),
        scheduleLocalActivity(input, next) {
          const outcome = next(traced(input));
          rememberRuns(activityInput(input.args), outcome);
          return outcome;
        },
        continueAsNew(input, next) {
          const queue = (input.args[0] as CarriedState | undefined)?.queue ?? [];
          const traces = queue.slice(0, MAX_TRACED_RUNS).flatMap(({ runId }) => {
            const traceparent = runTraces.get(runId);
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

function activityInput([first]: unknown[]): ActivityInput {
  return typeof first === 'object' && first !== null ? first : {};
}

function header(carrier: { readonly traceparent: string }): Headers {
  return { [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
}

/** The trace in a header; null for anything else, since any client can send any header. */
function traceparentIn(payload: Payload | undefined): string | null {
  const { traceparent } = objectIn(payload);
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : null;
}

function carriedTraces(payload: Payload | undefined): [string, string][] {
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
