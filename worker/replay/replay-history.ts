import { DefaultLogger, Runtime, Worker, type ReplayWorkerOptions } from '@temporalio/worker';
import type { PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { workerDataConverter } from '../data-converter.ts';

type History = proto.temporal.api.history.v1.IHistory;

/** Where a replay differs from a history. */
export interface Difference {
  /** `nondeterminism`: the code issues other commands than those recorded. `error`: the code throws. `sdk`: the history cannot be replayed at all. */
  readonly kind: 'nondeterminism' | 'error' | 'sdk';
  /** The first event that differs; null if it could not be found. */
  readonly eventId: number | null;
  readonly eventType: string | null;
  /** What differs: names and ids, never content. */
  readonly reason: string;
}

/** Replays histories with one workflow bundle. */
export interface HistoryReplayer {
  /** Returns null if the history replays. */
  replay(workflowId: string, history: History): Promise<Difference | null>;
}

let installed = false;

/** Creates a replayer. The SDK logs nothing: its messages contain what the workflow code throws. */
export function createReplayer(
  workflowBundle: NonNullable<ReplayWorkerOptions['workflowBundle']>,
  payloadCodecs: readonly PayloadCodec[] = [],
): HistoryReplayer {
  const options = { workflowBundle, dataConverter: workerDataConverter(payloadCodecs) };
  const failureOf = async (workflowId: string, events: readonly object[]): Promise<string | null> => {
    const history = proto.temporal.api.history.v1.History.create({ events: [...events] });
    for await (const { error } of Worker.runReplayHistories(options, [{ workflowId, history }])) {
      return error?.message ?? null;
    }
    return 'The SDK returned no result.';
  };
  return {
    async replay(workflowId, { events }) {
      silenceRuntime();
      const all = events ?? [];
      const failure = await failureOf(workflowId, all);
      if (failure === null) return null;
      const named = Number(/HistoryEvent\(id: (\d+)/.exec(failure)?.[1] ?? Number.NaN);
      const index = Number.isNaN(named)
        ? await firstFailing(all.length, async (count) => (await failureOf(workflowId, all.slice(0, count))) !== null)
        : all.findIndex(({ eventId }) => Number(eventId) === named);
      const event = all[index];
      return {
        ...describe(failure),
        eventId: event === undefined ? null : Number(event.eventId),
        eventType: event === undefined ? null : eventTypeName(event.eventType),
      };
    },
  };
}

/** The number of the event (from 0) whose addition makes a prefix of the history fail. A prefix of a history that replays replays, too. */
async function firstFailing(length: number, fails: (count: number) => Promise<boolean>): Promise<number> {
  // The shortest history that the SDK accepts: started, workflow task scheduled, workflow task started.
  let passes = 2;
  let failing = length;
  while (failing - passes > 1) {
    const middle = Math.floor((passes + failing) / 2);
    if (await fails(middle)) failing = middle;
    else passes = middle;
  }
  return failing - 1;
}

/** The failure without what the code has thrown, whose message could contain content. */
function describe(failure: string): Pick<Difference, 'kind' | 'reason'> {
  const [, message = ''] = /\[TMPRL1100\] Nondeterminism error: (.*?)"(?:, |\s*}|$)/.exec(failure) ?? [];
  if (message !== '') return { kind: 'nondeterminism', reason: message.replaceAll('\\"', '"') };
  if (/nondeterminism/i.test(failure)) return { kind: 'nondeterminism', reason: 'The commands differ.' };
  // The line of a stack that precedes its frames.
  const [, type = ''] = /stack_trace: ".*?\\n\\n([A-Z]\w*Error): /.exec(failure) ?? [];
  if (/workflow task failure/.test(failure)) {
    return { kind: 'error', reason: `The workflow code throws${type === '' ? '' : ` ${article(type)}`}.` };
  }
  return { kind: 'sdk', reason: `The SDK cannot replay it (${/Code: (\w+)/.exec(failure)?.[1] ?? 'unknown'}).` };
}

function article(type: string): string {
  return `${/^[AEIOU]/.test(type) ? 'an' : 'a'} ${type}`;
}

/** As in the Temporal UI, such as `ActivityTaskScheduled`. */
function eventTypeName(type: number | string | null | undefined): string {
  const name = typeof type === 'number' ? (proto.temporal.api.enums.v1.EventType[type] ?? '') : (type ?? '');
  return name
    .replace(/^EVENT_TYPE_/, '')
    .split('_')
    .map((word) => `${word.slice(0, 1)}${word.slice(1).toLowerCase()}`)
    .join('');
}

function silenceRuntime(): void {
  if (installed) return;
  installed = true;
  try {
    Runtime.install({
      logger: new DefaultLogger('ERROR', () => {}),
      telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
    });
  } catch {
    // A worker of this process has installed its own.
  }
}
