import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { transcript } from './transcript.ts';

/** A run as a context is read. */
export interface ReadRun {
  readonly runId: string;
  /** `seq` of its newest start. */
  readonly startedSeq: number;
  readonly events: readonly PerdureEvent[];
}

/** What a model call is made from: runs in the order of their starts, the calling run last. */
export interface ConversationWindow {
  readonly entries: readonly TranscriptEntry[];
  /** Ids of the tool calls of the calling run. */
  readonly callIds: ReadonlySet<string>;
}

interface KnownRun {
  /** Null while it waits for its first start. */
  startedSeq: number | null;
  /** False when it had begun before anything was known of it. */
  complete: boolean;
  events: PerdureEvent[];
  /** What its events tell; null since one was added. */
  entries: TranscriptEntry[] | null;
  weight: number;
}

/**
 * The newest part of one session's conversation, kept up to date with the events that are appended: what a model call
 * is shown need not be read and told anew for each call. What it cannot tell for sure it does not tell.
 */
export class KnownConversation {
  readonly #runs = new Map<string, KnownRun>();
  /** Every run whose newest start is not before this `seq` is known. Before the first event that is all of none. */
  #from = 0;
  #through = 0;
  #weight = 0;

  /** Of the known runs, everything up to this `seq` is known. */
  get through(): number {
    return this.#through;
  }

  /** About the bytes of memory that it takes. */
  get weight(): number {
    return this.#weight;
  }

  /** Takes a context as it was read for a call at `throughSeq` of the run that was started last, with `limit` earlier runs at most. */
  learn(read: readonly ReadRun[], limit: number, throughSeq: number): void {
    // A run that waits was seen from its beginning, unless what is known does not reach up to here.
    const follows = this.#through === throughSeq;
    for (const [runId, run] of this.#runs) if (!follows || run.startedSeq !== null) this.#forget(runId, run);
    for (const run of read) this.#replace(run);
    const all = read.length <= limit;
    this.#from = all ? 0 : (read[0]?.startedSeq ?? Number.POSITIVE_INFINITY);
    this.#through = throughSeq;
  }

  /** Takes the events of one run that was not known from its beginning, read for a call at `throughSeq`. */
  complete(run: ReadRun, throughSeq: number): void {
    if (this.#through === throughSeq) this.#replace(run);
  }

  /** Takes every event of the conversation after `since` and up to `through`. Does nothing when something is missing before them. */
  follow(events: readonly PerdureEvent[], since: number, through: number): void {
    if (since > this.#through || through <= this.#through) return;
    for (const event of events) if (event.seq > this.#through) this.#take(event);
    this.#through = through;
  }

  /** What a call of `runId` is shown that may see events up to `throughSeq`, with `limit` earlier runs at most. Null when that is not known; `beginning` when only the beginning of `runId` itself is missing. */
  window(runId: string, limit: number, throughSeq: number): ConversationWindow | 'beginning' | null {
    const run = this.#runs.get(runId);
    if (!run || run.startedSeq === null || throughSeq > this.#through) return null;
    const earlier = this.#startedBefore(run.startedSeq, limit);
    if (!earlier || earlier.some(({ complete }) => !complete)) return null;
    if (!run.complete) return 'beginning';
    const own = run.events.filter(({ seq }) => seq <= throughSeq);
    const told = own.length === run.events.length ? entriesOf(run) : transcript(own);
    return { entries: [...earlier.flatMap(entriesOf), ...told], callIds: callIdsIn(own) };
  }

  /** Forgets what is no longer shown to a call of `runId`, but for runs that wait. */
  trim(runId: string, limit: number): void {
    const startedSeq = this.#runs.get(runId)?.startedSeq ?? null;
    const earlier = startedSeq === null ? null : this.#startedBefore(startedSeq, limit);
    if (startedSeq === null || !earlier || earlier.length < limit) return;
    const from = earlier[0]?.startedSeq ?? startedSeq;
    for (const [id, run] of this.#runs) {
      if (run.startedSeq !== null && run.startedSeq < from) this.#forget(id, run);
    }
    this.#from = Math.max(this.#from, from);
  }

  #startedBefore(startedSeq: number, limit: number): KnownRun[] | null {
    if (limit === 0) return [];
    const earlier = [...this.#runs.values()]
      .filter((run) => (run.startedSeq ?? Number.POSITIVE_INFINITY) < startedSeq)
      .toSorted((a, b) => (a.startedSeq ?? 0) - (b.startedSeq ?? 0));
    return earlier.length < limit && this.#from > 0 ? null : earlier.slice(-limit);
  }

  #take(event: PerdureEvent): void {
    if (!('runId' in event) || event.runId === undefined) return;
    const known = this.#runs.get(event.runId);
    switch (event.type) {
      case 'run.started':
        if (known) known.startedSeq = event.seq;
        else this.#runs.set(event.runId, blankRun({ startedSeq: event.seq, complete: false }));
        return;
      case 'run.completed':
      case 'run.failed':
      case 'run.cancelled':
        // It may be resumed, and is then read anew.
        if (known?.startedSeq === null) this.#forget(event.runId, known);
        return;
      case 'message.received':
        if (known) this.#add(known, event);
        // A steered message is not the first of its run.
        else if (event.disposition !== 'steered') this.#begin(event.runId, event);
        return;
      case 'message.completed':
      case 'tool.called':
      case 'tool.completed':
      case 'tool.failed':
      case 'tool.unknown':
      case 'tool.cancelled':
        if (known) this.#add(known, event);
        return;
      default:
    }
  }

  #begin(runId: string, first: PerdureEvent): void {
    const run = blankRun({ startedSeq: null, complete: true });
    this.#runs.set(runId, run);
    this.#add(run, first);
  }

  #add(run: KnownRun, event: PerdureEvent): void {
    // What was read after its call may hold more than the call was allowed to see.
    if (event.seq <= (run.events.at(-1)?.seq ?? 0)) return;
    const weight = weightOf(event);
    run.events.push(event);
    run.entries = null;
    run.weight += weight;
    this.#weight += weight;
  }

  #replace({ runId, startedSeq, events }: ReadRun): void {
    const known = this.#runs.get(runId);
    if (known) this.#forget(runId, known);
    const weight = events.reduce((sum, event) => sum + weightOf(event), 0);
    this.#runs.set(runId, { startedSeq, complete: true, events: [...events], entries: null, weight });
    this.#weight += weight;
  }

  #forget(runId: string, run: KnownRun): void {
    this.#runs.delete(runId);
    this.#weight -= run.weight;
  }
}

function blankRun(run: Pick<KnownRun, 'startedSeq' | 'complete'>): KnownRun {
  return { ...run, events: [], entries: null, weight: 0 };
}

function entriesOf(run: KnownRun): TranscriptEntry[] {
  run.entries ??= transcript(run.events);
  return run.entries;
}

/** The ids of the tool calls in a run's events. */
export function callIdsIn(events: readonly PerdureEvent[]): Set<string> {
  return new Set(events.flatMap((event) => (event.type === 'tool.called' ? [event.callId] : [])));
}

/** Two bytes a character, and what the objects around them take. */
function weightOf(event: PerdureEvent): number {
  switch (event.type) {
    case 'message.received':
      return 600 + 2 * event.content.length;
    case 'message.completed':
      return 900 + 2 * event.text.length;
    case 'tool.called':
      return 600 + 4 * JSON.stringify(event.arguments).length;
    case 'tool.completed':
      return 600 + 6 * JSON.stringify(event.result).length;
    default:
      return 600;
  }
}
