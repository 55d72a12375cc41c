import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { eventSchema, type PerdureEvent } from '../../contracts/events/event.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import type { RunStatus } from '../../contracts/session/run.ts';
import type { ImportRows } from './import-schema.ts';
import { isOpen, isOpenCall } from '../../core/session/open-status.ts';

type EventRow = ImportRows['events'][number];
type RunRow = ImportRows['runs'][number];

/** Returns why the rows of a document do not hold together; null when they do. Drops fields that events of their type do not have. */
export function checkImport(rows: ImportRows, head: number): string | null {
  const events: PerdureEvent[] = [];
  if (rows.events.length !== head) return `it contains ${rows.events.length} events, but its head is ${head}`;
  for (const [index, row] of rows.events.entries()) {
    const event = row.seq === index + 1 ? eventOf(row) : null;
    if (event === null) return `its event ${index + 1} is not valid`;
    events.push(event);
  }
  return checkKeys(rows) ?? checkRuns(rows, events) ?? checkMessages(rows, events);
}

function eventOf(row: EventRow): PerdureEvent | null {
  const { seq, type, run_id, step, attempt, at, data } = row;
  const of = { runId: run_id ?? undefined, step: step ?? undefined, attempt: attempt ?? undefined };
  const parsed = eventSchema.safeParse({ seq, type, at, sessionId: '', ...of, ...data });
  if (!parsed.success || !isWithinLimits(parsed.data)) return null;
  const event = parsed.data;
  row.data = Object.fromEntries(Object.entries(data as Record<string, Json>).filter(([name]) => name in event));
  return event;
}

function isWithinLimits(event: PerdureEvent): boolean {
  switch (event.type) {
    case 'message.received':
      return (
        Buffer.byteLength(event.content) <= LIMITS.messageBytes.value &&
        JSON.stringify(event.parts ?? []).length <= LIMITS.requestBytes.value
      );
    case 'message.completed':
    case 'reasoning.completed':
      return event.text.length <= LIMITS.replyCharacters.value;
    case 'tool.called':
      return JSON.stringify(event.arguments).length <= LIMITS.toolArgumentsBytes.value;
    case 'tool.completed':
      return JSON.stringify(event.result).length <= LIMITS.toolResultBytes.value;
    default:
      return true;
  }
}

/** Columns that are unique within a session. */
const KEYS = {
  messages: ['message_id'],
  runs: ['run_id'],
  steps: ['run_id', 'step'],
  tool_calls: ['run_id', 'call_id'],
  waits: ['run_id', 'started_at'],
  model_calls: ['run_id', 'step', 'attempt'],
  inbox: ['item_id'],
  recorded_counts: ['record_key'],
} as const;

function checkKeys(rows: ImportRows): string | null {
  const runs = new Set(rows.runs.map(({ run_id }) => run_id));
  for (const table of Object.keys(KEYS) as (keyof typeof KEYS)[]) {
    const seen = new Set<string>();
    for (const row of rows[table]) {
      if ('run_id' in row && !runs.has(row.run_id))
        return `a row of ${table} belongs to a run that it does not contain`;
      const values = row as Readonly<Record<string, unknown>>;
      const key = JSON.stringify(KEYS[table].map((column) => values[column]));
      if (seen.has(key)) return `it contains a row of ${table} twice`;
      seen.add(key);
    }
  }
  if (new Set(rows.runs.map(({ ordinal }) => ordinal)).size < rows.runs.length) return 'two runs have the same ordinal';
  if (rows.events.some(({ run_id }) => run_id !== null && !runs.has(run_id)))
    return 'an event belongs to a run that it does not contain';
  return null;
}

/** The newest events of a run that start or end it. */
interface RunCourse {
  startedSeq: number | null;
  /** Null after a start, and before the first end. */
  end: RunStatus | null;
}

function checkRuns(rows: ImportRows, events: readonly PerdureEvent[]): string | null {
  const courses = new Map<string, RunCourse>(rows.runs.map(({ run_id }) => [run_id, { startedSeq: null, end: null }]));
  for (const event of events) {
    const course = 'runId' in event && event.runId !== undefined ? courses.get(event.runId) : undefined;
    if (course === undefined) continue;
    if (event.type === 'run.started') {
      course.startedSeq = event.seq;
      course.end = null;
    } else if (endsRun(event.type)) {
      course.end = event.type.slice('run.'.length) as RunStatus;
    }
  }
  const broken = rows.runs.find((run) => !isConsistent(run, courses.get(run.run_id), events.length));
  if (broken !== undefined) return `the status of the run ${JSON.stringify(broken.run_id)} does not match its events`;
  const open = new Set(rows.runs.filter(({ status }) => isOpen(status)).map(({ run_id }) => run_id));
  if (open.size > LIMITS.queuedRuns.value + 1) return `it contains ${open.size} runs that have not ended`;
  if (rows.tool_calls.some(({ run_id, status }) => isOpenCall(status) && !open.has(run_id)))
    return 'a tool call without a result belongs to a run that has ended';
  return null;
}

function isConsistent(run: RunRow, course: RunCourse | undefined, head: number): boolean {
  if (course === undefined || run.started_seq !== course.startedSeq || run.last_message_seq > head) return false;
  if (run.status === 'running' || run.status === 'waiting') return course.startedSeq !== null && course.end === null;
  if (run.status !== 'queued') return course.end === run.status && run.ended_at !== null;
  if (run.resumes === 0) return course.startedSeq === null;
  // A run that was resumed, or that goes on after an answer, is queued again without an event.
  return course.end === null ? course.startedSeq !== null : course.end === 'failed' || course.end === 'cancelled';
}

function checkMessages({ messages, runs }: ImportRows, events: readonly PerdureEvent[]): string | null {
  const received = new Set<number>();
  for (const { message_id, run_id, seq } of messages) {
    const event = events[seq - 1];
    if (event?.type !== 'message.received' || event.messageId !== message_id || event.runId !== run_id)
      return `the message ${JSON.stringify(message_id)} does not match its event`;
    received.add(seq);
  }
  if (events.some(({ type, seq }) => type === 'message.received' && !received.has(seq)))
    return 'an event message.received has no message';
  const ids = new Set(messages.map(({ message_id }) => message_id));
  const stray = runs.find(({ message_ids }) => message_ids.some((id) => !ids.has(id)));
  return stray === undefined
    ? null
    : `the run ${JSON.stringify(stray.run_id)} answers a message that it does not contain`;
}
