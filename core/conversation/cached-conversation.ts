import type { ContentType, PerdureEvent } from '../../contracts/session/event.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { transcript } from './transcript.ts';

/** A run as the store returns it for a context. */
export interface ReadRun {
  readonly runId: string;
  /** The `seq` of its latest `run.started`. */
  readonly startedSeq: number;
  readonly events: readonly PerdureEvent[];
}

/** The context of a model call: runs in the order of their starts, the calling run last. */
export interface ConversationWindow {
  readonly entries: readonly TranscriptEntry[];
  /** The ids of the calling run's tool calls. */
  readonly callIds: ReadonlySet<string>;
}

interface CachedRun {
  /** Null while the run is queued and has never started. */
  startedSeq: number | null;
  /** Whether `events` contains the run's first events. */
  complete: boolean;
  events: PerdureEvent[];
  /** The transcript of `events`; null after an event was added. */
  entries: TranscriptEntry[] | null;
  bytes: number;
}

/**
 * The newest runs of one session, updated with the events that are appended, so that a model call need not read its context
 * from the store. Never guesses: {@link window} returns null when the cache may lack an event.
 */
export class CachedConversation {
  readonly #runs = new Map<string, CachedRun>();
  /** Every run whose latest start has at least this `seq` is cached. */
  #from = 0;
  #throughSeq = 0;
  #bytes = 0;

  /** All events of the cached runs up to this `seq` are cached. */
  get throughSeq(): number {
    return this.#throughSeq;
  }

  /** The approximate size in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Replaces the cache by a context read for a call at `throughSeq` of the run that started last, with at most `limit` earlier runs. */
  replaceWith(read: readonly ReadRun[], limit: number, throughSeq: number): void {
    // Queued runs are complete, unless events between the cached ones and `throughSeq` are missing.
    const contiguous = this.#throughSeq === throughSeq;
    for (const [runId, run] of this.#runs) if (!contiguous || run.startedSeq !== null) this.#remove(runId, run);
    for (const run of read) this.#replace(run);
    const all = read.length <= limit;
    this.#from = all ? 0 : (read[0]?.startedSeq ?? Number.POSITIVE_INFINITY);
    this.#throughSeq = throughSeq;
  }

  /** Completes a cached run with all of its events, read for a call at `throughSeq`. */
  completeRun(run: ReadRun, throughSeq: number): void {
    if (this.#throughSeq === throughSeq) this.#replace(run);
  }

  /** Appends all events of the session with `since` < seq <= `throughSeq`. Does nothing if events before them are missing. */
  append(events: readonly PerdureEvent[], since: number, throughSeq: number): void {
    if (since > this.#throughSeq || throughSeq <= this.#throughSeq) return;
    for (const event of events) if (event.seq > this.#throughSeq) this.#apply(event);
    this.#throughSeq = throughSeq;
  }

  /**
   * The context of a call of `runId` with at most `limit` earlier runs and the events up to `throughSeq`. Null when it is not
   * fully cached; `beginning` when only the first events of `runId` are missing.
   */
  window(runId: string, limit: number, throughSeq: number): ConversationWindow | 'beginning' | null {
    const run = this.#runs.get(runId);
    if (!run || run.startedSeq === null || throughSeq > this.#throughSeq) return null;
    const earlier = this.#startedBefore(run.startedSeq, limit);
    if (!earlier || earlier.some(({ complete }) => !complete)) return null;
    if (!run.complete) return 'beginning';
    const own = run.events.filter(({ seq }) => seq <= throughSeq);
    const entries = own.length === run.events.length ? entriesOf(run) : transcript(own);
    return { entries: [...earlier.flatMap(entriesOf), ...entries], callIds: callIdsIn(own) };
  }

  /** Removes the started runs that calls of `runId` no longer need. */
  trim(runId: string, limit: number): void {
    const startedSeq = this.#runs.get(runId)?.startedSeq ?? null;
    const earlier = startedSeq === null ? null : this.#startedBefore(startedSeq, limit);
    if (startedSeq === null || !earlier || earlier.length < limit) return;
    const from = earlier[0]?.startedSeq ?? startedSeq;
    for (const [id, run] of this.#runs) {
      if (run.startedSeq !== null && run.startedSeq < from) this.#remove(id, run);
    }
    this.#from = Math.max(this.#from, from);
  }

  /** The last `limit` runs started before `startedSeq`; null when some may not be cached. */
  #startedBefore(startedSeq: number, limit: number): CachedRun[] | null {
    if (limit === 0) return [];
    const earlier = [...this.#runs.values()]
      .filter((run) => (run.startedSeq ?? Number.POSITIVE_INFINITY) < startedSeq)
      .toSorted((a, b) => (a.startedSeq ?? 0) - (b.startedSeq ?? 0));
    return earlier.length < limit && this.#from > 0 ? null : earlier.slice(-limit);
  }

  #apply(event: PerdureEvent): void {
    const cached = 'runId' in event && event.runId !== undefined ? this.#runs.get(event.runId) : undefined;
    switch (event.type) {
      case 'run.started':
        if (cached) cached.startedSeq = event.seq;
        else this.#runs.set(event.runId, emptyRun({ startedSeq: event.seq, complete: false }));
        return;
      case 'run.completed':
      case 'run.failed':
      case 'run.cancelled':
        // A run that ended before its first start. If it is resumed, its events are read from the store.
        if (cached?.startedSeq === null) this.#remove(event.runId, cached);
        return;
      case 'message.received':
        if (cached) this.#add(cached, event);
        // A steered message is not the first event of its run.
        else if (event.disposition !== 'steered') this.#enqueue(event.runId, event);
        return;
      case 'message.completed':
      case 'tool.called':
      case 'tool.completed':
      case 'tool.failed':
      case 'tool.unknown':
      case 'tool.cancelled':
        if (cached) this.#add(cached, event);
        return;
      case 'session.opened':
      case 'session.recovered':
      case 'session.updated':
      case 'session.ended':
      case 'session.failed':
      case 'session.expired':
      case 'session.archived':
      case 'message.refused':
      case 'reasoning.completed':
      case 'budget.warned':
      case 'budget.released':
        return;
      default:
        event satisfies never;
    }
  }

  #enqueue(runId: string, first: PerdureEvent): void {
    const run = emptyRun({ startedSeq: null, complete: true });
    this.#runs.set(runId, run);
    this.#add(run, first);
  }

  #add(run: CachedRun, event: PerdureEvent): void {
    // A run read from the store may contain events after the call's `throughSeq`.
    if (event.seq <= (run.events.at(-1)?.seq ?? 0)) return;
    const bytes = bytesOf(event);
    run.events.push(event);
    run.entries = null;
    run.bytes += bytes;
    this.#bytes += bytes;
  }

  #replace({ runId, startedSeq, events }: ReadRun): void {
    const cached = this.#runs.get(runId);
    if (cached) this.#remove(runId, cached);
    const bytes = events.reduce((sum, event) => sum + bytesOf(event), 0);
    this.#runs.set(runId, { startedSeq, complete: true, events: [...events], entries: null, bytes });
    this.#bytes += bytes;
  }

  #remove(runId: string, run: CachedRun): void {
    this.#runs.delete(runId);
    this.#bytes -= run.bytes;
  }
}

function emptyRun(run: Pick<CachedRun, 'startedSeq' | 'complete'>): CachedRun {
  return { ...run, events: [], entries: null, bytes: 0 };
}

function entriesOf(run: CachedRun): TranscriptEntry[] {
  run.entries ??= transcript(run.events);
  return run.entries;
}

/** The ids of the tool calls in a run's events. */
export function callIdsIn(events: readonly PerdureEvent[]): Set<string> {
  return new Set(events.flatMap((event) => (event.type === 'tool.called' ? [event.callId] : [])));
}

/** Estimates an event's size: two bytes a character, and the overhead of its objects. */
function bytesOf(event: PerdureEvent): number {
  switch (event.type) {
    case 'message.received':
      return 600 + 2 * event.content.length;
    case 'message.completed':
      return 900 + 2 * event.text.length;
    case 'tool.called':
      return 600 + 4 * JSON.stringify(event.arguments).length;
    case 'tool.completed':
      return 600 + 6 * JSON.stringify(event.result).length;
    case 'tool.failed':
    case 'tool.unknown':
    case 'tool.cancelled':
      return 600;
    default:
      event satisfies Exclude<PerdureEvent, { type: ContentType }>;
      return 600;
  }
}
