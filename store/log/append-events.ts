import type { PerdureEvent } from '../../contracts/events/event.ts';
import { EVENT_TRAITS } from '../../contracts/events/event-traits.ts';
import type { Db, Row, Tx } from '../db/db.ts';
import { attachmentsOf } from './attachments-of.ts';
import type { PendingEvents } from './pending-events.ts';
import { eventOf, eventRowOf, type EventRow } from './event-row.ts';
import type { LockedSession } from './lock-session.ts';
import type { InboxRow, MessageRow, ModelCallRow, RunRow, StepRow, ToolCallRow } from './rows.ts';
import type { UsageDayRow } from './sums.ts';
import { runStatsOf, type RunStatsRow } from './run-stats.ts';
import { saveStatement, type WriteName } from './save-statement.ts';
import { sumUsageDays } from './sum-usage-days.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/** Rows of the read models that change with the events. Each is a whole row that is inserted or replaces the one before. */
export interface ChangedRows {
  readonly messages?: readonly MessageRow[];
  readonly runs?: readonly RunRow[];
  readonly steps?: readonly StepRow[];
  readonly toolCalls?: readonly ToolCallRow[];
  /** Tool calls whose ids the caller has not compared with those of the run: a repeated one makes the statement fail. */
  readonly newCalls?: readonly ToolCallRow[];
  readonly modelCalls?: readonly ModelCallRow[];
  readonly inbox?: readonly InboxRow[];
  /** Added to the user's sums of the day. */
  readonly usageDays?: readonly UsageDayRow[];
}

/**
 * Appends the pending events after the session's head, advances the head and saves the read models, including
 * `session.row`, and the references to the attachments of the events, in one statement. Returns the events as they were stored. The caller holds the session's lock and has
 * checked against the read models that the events are new; if it has not, the unique dedupe keys or the comparison of
 * the head make the statement fail.
 */
export async function appendEvents(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  changed: ChangedRows = {},
): Promise<PerdureEvent[]> {
  const { writes, params, events } = prepareSave(session, pending, changed, session.row.head);
  const [saved] = await tx.query<Saved>(saveStatement({ writes, compares: 'head' }), params);
  if (!saved) throw new Error('The session changed under its lock.');
  return advance(session, saved, events);
}

/** As {@link appendEvents}, without the session's lock: returns null, and has saved nothing, if the session was changed since `session` was read. */
export async function appendIfUnchanged(
  db: Db,
  session: LockedSession,
  pending: PendingEvents,
  changed: ChangedRows,
): Promise<PerdureEvent[] | null> {
  return (await saveIfUnchanged(db, session, pending, changed))?.events ?? null;
}

/** As {@link appendIfUnchanged}. Also returns `returning`, of the same statement. */
export async function appendAndReturn<R>(
  db: Db,
  session: LockedSession,
  pending: PendingEvents,
  changed: ChangedRows,
  returning: Returning<R>,
): Promise<{ readonly events: PerdureEvent[]; readonly returned: R } | null> {
  const done = await saveIfUnchanged(db, session, pending, changed, returning);
  return done && { events: done.events, returned: returning.read(done.saved) };
}

/** Columns to read in the same statement, which is one for each function, and the parameter that they are given, if they need one. */
export interface Returning<R> {
  readonly columns: (param: string) => string;
  readonly param?: string;
  readonly read: (row: Row) => R;
}

interface Saved {
  readonly version: string;
}

async function saveIfUnchanged(
  db: Db,
  session: LockedSession,
  pending: PendingEvents,
  changed: ChangedRows,
  returning?: Returning<unknown>,
): Promise<{ readonly events: PerdureEvent[]; readonly saved: Row } | null> {
  const { writes, params, events } = prepareSave(session, pending, changed, session.version);
  const statement = saveStatement({ writes, compares: 'version', columns: returning?.columns });
  const given = returning?.param === undefined ? [] : [returning.param];
  const noteVersion = db.memory?.forget(session.key);
  const [saved] = (await db.attempt<Saved & Row>(statement, [...params, ...given])) ?? [];
  if (saved) noteVersion?.(saved.version);
  return saved ? { events: advance(session, saved, events), saved } : null;
}

interface PreparedSave {
  readonly writes: readonly WriteName[];
  readonly params: readonly unknown[];
  readonly events: readonly EventRow[];
}

function prepareSave(
  { row, at, key }: LockedSession,
  { drafts }: PendingEvents,
  changed: ChangedRows,
  compared: number | string,
): PreparedSave {
  checkRows(drafts, changed);
  const head = row.head + drafts.length;
  const rows = drafts.map(({ event, dedupe }, index) => ({ ...eventRowOf(event, row.head + index + 1, at), dedupe }));
  const events = sanitizeJson(rows);
  const params: unknown[] = [key.user, key.session, compared, sanitizeJson({ ...row, head, updated_at: at }).text];
  const writes: WriteName[] = [];
  const add = (name: WriteName, text: string) => {
    writes.push(name);
    params.push(text);
  };
  if (rows.length > 0) add('events', events.text);
  for (const name of [
    'messages',
    'runs',
    'steps',
    'toolCalls',
    'newCalls',
    'modelCalls',
    'inbox',
    'usageDays',
  ] as const) {
    const saved = name === 'usageDays' ? sumUsageDays(changed.usageDays ?? []) : (changed[name] ?? []);
    if (saved.length > 0) add(name, sanitizeJson(saved).text);
  }
  const references = attachmentsOf(drafts.map(({ event }) => event));
  if (references.length > 0) add('attachments', sanitizeJson(references).text);
  const ends = runStatsOf(drafts, changed.runs ?? [], at);
  if (ends.length > 0) {
    add('runStats', sanitizeJson(ends).text);
    params.push(...endCounts(ends));
  }
  return { writes, params, events: events.value };
}

/** Makes `session` what was saved. */
function advance(session: LockedSession, { version }: Saved, events: readonly EventRow[]): PerdureEvent[] {
  session.version = version;
  session.row.head += events.length;
  return events.map((event) => eventOf(event, session.key.session));
}

/** Throws for an event without a row of each read model that {@link EVENT_TRAITS} names for its type. */
function checkRows(drafts: PendingEvents['drafts'], changed: ChangedRows): void {
  for (const { event } of drafts) {
    const has = { ...changed, toolCalls: changed.toolCalls ?? changed.newCalls };
    const missing = EVENT_TRAITS[event.type].rows.find((name) => !has[name]?.length);
    if (missing) throw new Error(`The event ${event.type} was appended without a row of ${missing}.`);
  }
}

function endCounts(ends: readonly RunStatsRow[]): number[] {
  const timed = ends.filter(({ bucket }) => bucket >= 0);
  return [sum(ends, 'ended'), sum(timed, 'ended'), sum(timed, 'busy_ms')];
}

function sum(rows: readonly RunStatsRow[], name: 'ended' | 'busy_ms'): number {
  return rows.reduce((all, row) => all + row[name], 0);
}
