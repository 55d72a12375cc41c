import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { outputState } from '../output/output-state.ts';
import type { ConversationCopy, RunCopy } from './conversation-copy.ts';
import type { Background, ConversationWindow, DecidedInput, PinnedMessage, WindowRun } from './conversation-window.ts';
import { bytesOf, bytesOfBackground } from './event-bytes.ts';
import { coversRun, type ContextSummary } from './summary.ts';
import { transcript } from './transcript.ts';

/** A run as the store returns it for a context. */
export interface ReadRun {
  readonly runId: string;
  /** The `seq` of its latest `run.started`. */
  readonly startedSeq: number;
  readonly events: readonly PerdureEvent[];
}

interface CachedRun {
  readonly runId: string;
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
  /** Null when it was not read. */
  #background: Background | null = { summary: null, pinned: [], decisions: [] };
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

  /**
   * Replaces the cache by a context read for a call at `throughSeq` of the run that started last, with at most `limit` earlier runs.
   * `background`: null if it was not read.
   */
  replaceWith(read: readonly ReadRun[], limit: number, throughSeq: number, background: Background | null): void {
    // Queued runs are complete, unless events between the cached ones and `throughSeq` are missing.
    const contiguous = this.#throughSeq === throughSeq;
    for (const [runId, run] of this.#runs) if (!contiguous || run.startedSeq !== null) this.#remove(runId, run);
    for (const run of read) this.#replace(run);
    const all = read.length <= limit;
    this.#from = all ? firstAfter(background?.summary ?? null) : (read[0]?.startedSeq ?? Number.POSITIVE_INFINITY);
    this.#setBackground(background);
    for (const { events } of read) this.#pin(events);
    this.#throughSeq = throughSeq;
  }

  /** Completes a cached run with all of its events, read for a call at `throughSeq`. */
  completeRun(run: ReadRun, throughSeq: number): void {
    if (this.#throughSeq !== throughSeq) return;
    this.#replace(run);
    this.#pin(run.events);
  }

  /** A copy of everything that is cached. */
  copy(): ConversationCopy {
    const runs = [...this.#runs.values()].map(({ runId, startedSeq, complete, events }) => {
      return { runId, startedSeq, complete, events: [...events] };
    });
    const from = Number.isFinite(this.#from) ? this.#from : null;
    return { from, throughSeq: this.#throughSeq, background: this.#background, runs };
  }

  /** Creates a cache from the copy of another one. */
  static ofCopy({ from, throughSeq, background, runs }: ConversationCopy): CachedConversation {
    const cache = new CachedConversation();
    for (const run of runs) cache.#replace(run);
    cache.#from = from ?? Number.POSITIVE_INFINITY;
    cache.#throughSeq = throughSeq;
    cache.#setBackground(background);
    return cache;
  }

  /** Appends all events of the session with `since` < seq <= `throughSeq`. Does nothing if events before them are missing. */
  append(events: readonly PerdureEvent[], since: number, throughSeq: number): void {
    if (since > this.#throughSeq || throughSeq <= this.#throughSeq) return;
    for (const event of events) if (event.seq > this.#throughSeq) this.#apply(event);
    this.#throughSeq = throughSeq;
  }

  /**
   * The context of a call of `runId` with at most `limit` earlier runs and the events up to `throughSeq`, which begins at the newest
   * summary if `atSummary`. Null when it is not fully cached; `beginning` when only the first events of `runId` are missing.
   */
  window(runId: string, limit: number, throughSeq: number, atSummary = false): ConversationWindow | 'beginning' | null {
    const run = this.#runs.get(runId);
    if (!run || !isStarted(run) || throughSeq > this.#throughSeq) return null;
    const background = atSummary ? this.#backgroundOf(run, throughSeq) : null;
    if (atSummary && background === null) return null;
    const earlier = this.#startedBefore(run.startedSeq, limit, background?.summary ?? null);
    if (!earlier || earlier.some(({ complete }) => !complete)) return null;
    if (!run.complete) return 'beginning';
    const own = run.events.filter(({ seq }) => seq <= throughSeq);
    const entries = own.length === run.events.length ? entriesOf(run) : transcript(own);
    const output = outputState(own, run.startedSeq);
    const runs = [...earlier.map(windowRun), { ...windowRun(run), events: own, entries }];
    return { runs, background, callIds: callIdsIn(own), output };
  }

  /** The newest runs since the newest summary, at most `limit`, with all of their events. Null when they are not fully cached. */
  sinceSummary(limit: number): { readonly runs: readonly WindowRun[]; readonly background: Background } | null {
    const background = this.#background;
    const runs = background && this.#startedBefore(Number.POSITIVE_INFINITY, limit, background.summary);
    if (!runs || runs.some(({ complete }) => !complete)) return null;
    return { runs: runs.map(windowRun), background };
  }

  /** Removes the started runs that calls of `runId` no longer need. */
  trim(runId: string, limit: number, atSummary = false): void {
    const startedSeq = this.#runs.get(runId)?.startedSeq ?? null;
    const summary = atSummary ? (this.#background?.summary ?? null) : null;
    const earlier = startedSeq === null ? null : this.#startedBefore(startedSeq, limit, summary);
    if (startedSeq === null || !earlier || (earlier.length < limit && summary === null)) return;
    const first = earlier.length < limit ? firstAfter(summary) : (earlier[0]?.startedSeq ?? startedSeq);
    const from = Math.min(first, startedSeq);
    for (const [id, run] of this.#runs) {
      if (run.startedSeq !== null && run.startedSeq < from) this.#remove(id, run);
    }
    this.#from = Math.max(this.#from, from);
  }

  /** The last `limit` runs started before `startedSeq` for which `summary` does not stand; null when some may not be cached. */
  #startedBefore(startedSeq: number, limit: number, summary: ContextSummary | null): StartedRun[] | null {
    if (limit === 0) return [];
    const earlier = [...this.#runs.values()]
      .filter(isStarted)
      .filter((run) => run.startedSeq < startedSeq && !(summary && coversRun(summary, run.startedSeq)))
      .toSorted((a, b) => a.startedSeq - b.startedSeq);
    return earlier.length < limit && this.#from > firstAfter(summary) ? null : earlier.slice(-limit);
  }

  /** What a context of a run has of the runs that started before it. */
  #backgroundOf({ runId, startedSeq }: StartedRun, throughSeq: number): Background | null {
    if (!this.#background || this.#background.pinned.length === 0) return this.#background;
    const { summary, pinned, decisions } = this.#background;
    const isEarlier = (message: PinnedMessage): boolean =>
      message.runId !== runId &&
      message.seq <= throughSeq &&
      (this.#runs.get(message.runId)?.startedSeq ?? 0) < startedSeq;
    return { summary, pinned: pinned.filter(isEarlier), decisions };
  }

  /** Adds the pinned messages among the events of a started run, and what was decided on them. */
  #pin(events: readonly PerdureEvent[]): void {
    if (!this.#background) return;
    const { summary, pinned, decisions } = this.#background;
    const allPinned = merged(pinned, events.filter(isPinned));
    const decided = events
      .filter(isDecision)
      .filter(({ runId }) => allPinned.some((message) => message.runId === runId));
    const allDecisions = merged(decisions, decided);
    if (allPinned.length === pinned.length && allDecisions.length === decisions.length) return;
    this.#setBackground({ summary, pinned: allPinned, decisions: allDecisions });
  }

  #setBackground(background: Background | null): void {
    this.#bytes += bytesOfBackground(background) - bytesOfBackground(this.#background);
    this.#background = background;
  }

  #apply(event: PerdureEvent): void {
    const cached = 'runId' in event && event.runId !== undefined ? this.#runs.get(event.runId) : undefined;
    switch (event.type) {
      case 'run.started':
        if (cached) {
          cached.startedSeq = event.seq;
          this.#pin(cached.events);
        } else {
          this.#runs.set(event.runId, emptyRun({ runId: event.runId, startedSeq: event.seq, complete: false }));
          // Its earlier messages may be pinned.
          this.#setBackground(null);
        }
        return;
      case 'run.completed':
      case 'run.failed':
      case 'run.cancelled':
        // A run that ended before its first start. If it is resumed, its events are read from the store.
        if (cached?.startedSeq === null) this.#remove(event.runId, cached);
        return;
      case 'message.received':
        // That of a queued run is pinned when its run starts.
        if (event.disposition === 'steered') this.#pin([event]);
        if (cached) this.#add(cached, event);
        // A steered message is not the first event of its run.
        else if (event.disposition !== 'steered') this.#enqueue(event.runId, event);
        return;
      case 'input.decided':
        this.#pin([event]);
        if (cached) this.#add(cached, event);
        return;
      case 'message.completed':
        if (cached) this.#add(cached, event);
        return;
      case 'tool.called':
      case 'tool.completed':
      case 'tool.failed':
      case 'tool.unknown':
      case 'tool.cancelled':
        // No model is given the calls of a program.
        if (cached && event.program === undefined) this.#add(cached, event);
        return;
      case 'context.summarized':
        if (this.#background) this.#setBackground({ ...this.#background, summary: event });
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
      case 'context.rebuilt':
      case 'approval.requested':
      case 'approval.reminded':
      case 'approval.decided':
      case 'approval.expired':
      case 'approval.withdrawn':
      case 'client_call.requested':
      case 'client_call.reminded':
      case 'client_call.answered':
      case 'client_call.expired':
      case 'client_call.withdrawn':
      case 'budget.warned':
      case 'budget.released':
        return;
      default:
        event satisfies never;
    }
  }

  #enqueue(runId: string, first: PerdureEvent): void {
    const run = emptyRun({ runId, startedSeq: null, complete: true });
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

  #replace({ runId, startedSeq, events, complete = true }: RunCopy): void {
    const cached = this.#runs.get(runId);
    if (cached) this.#remove(runId, cached);
    const bytes = events.reduce((sum, event) => sum + bytesOf(event), 0);
    this.#runs.set(runId, { runId, startedSeq, complete, events: [...events], entries: null, bytes });
    this.#bytes += bytes;
  }

  #remove(runId: string, run: CachedRun): void {
    this.#runs.delete(runId);
    this.#bytes -= run.bytes;
  }
}

function emptyRun(run: Pick<CachedRun, 'runId' | 'startedSeq' | 'complete'>): CachedRun {
  return { ...run, events: [], entries: null, bytes: 0 };
}

type StartedRun = CachedRun & { startedSeq: number };

function isPinned(event: PerdureEvent): event is PinnedMessage {
  return event.type === 'message.received' && event.pin === true;
}

function isDecision(event: PerdureEvent): event is DecidedInput {
  return event.type === 'input.decided';
}

/** Both lists without repetitions, by `seq`. */
function merged<E extends PerdureEvent>(known: readonly E[], added: readonly E[]): readonly E[] {
  const others = added.filter(({ seq }) => known.every((one) => one.seq !== seq));
  return others.length === 0 ? known : [...known, ...others].toSorted((one, other) => one.seq - other.seq);
}

function isStarted(run: CachedRun): run is StartedRun {
  return run.startedSeq !== null;
}

function windowRun(run: StartedRun): WindowRun {
  return { runId: run.runId, startedSeq: run.startedSeq, events: run.events, entries: entriesOf(run) };
}

function entriesOf(run: CachedRun): TranscriptEntry[] {
  run.entries ??= transcript(run.events);
  return run.entries;
}

/** Every run whose latest start has at least this `seq` is, at least in part, none for which the summary stands. */
function firstAfter(summary: ContextSummary | null): number {
  return summary === null ? 0 : summary.throughSeq + (summary.throughStep === null ? 1 : 0);
}

/** The ids of the tool calls in a run's events. */
export function callIdsIn(events: readonly PerdureEvent[]): Set<string> {
  return new Set(events.flatMap((event) => (event.type === 'tool.called' ? [event.callId] : [])));
}
