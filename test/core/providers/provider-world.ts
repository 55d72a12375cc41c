import { decideSlot, reservationMs } from '../../../core/providers/decide-slot.ts';
import type { ProviderLimits } from '../../../core/providers/provider-limits.ts';
import {
  stateAfterCall,
  NEW_PROVIDER,
  type ProviderOutcome,
  type ProviderState,
} from '../../../core/providers/provider-state.ts';

export interface WorldCall {
  readonly user: string;
  readonly atMs: number;
  readonly durationMs: number;
  readonly outcome?: ProviderOutcome;
}

export interface Served {
  readonly user: string;
  readonly askedMs: number;
  readonly grantedMs: number;
  readonly endedMs: number;
  readonly asks: number;
}

interface Waiting {
  readonly call: WorldCall;
  readonly order: number;
  dueMs: number;
  asks: number;
}

const REPLIED: ProviderOutcome = { health: 'up', replied: true, tokens: 100 };

/** Plays calls against the pure decisions, in virtual time, as the store would: whoever is told to wait asks again when told to. */
export function play(calls: readonly WorldCall[], limits: ProviderLimits, random: () => number): Served[] {
  let state: ProviderState = NEW_PROVIDER;
  const finishes = new Map<string, number>();
  const going: { endMs: number; call: WorldCall; trial: boolean; reservedTokens: number; grantedMs: number }[] = [];
  const served: Served[] = [];
  const queue: Waiting[] = calls.map((call, order) => ({ call, order, dueMs: call.atMs, asks: 0 }));
  for (let turns = 0; queue.length > 0; turns += 1) {
    if (turns > 1_000 * calls.length) throw new Error('Somebody asks for ever.');
    const next = queue.reduce((first, one) => (one.dueMs < first.dueMs ? one : first));
    const nowMs = next.dueMs;
    for (const one of going.toSorted((a, b) => a.endMs - b.endMs)) {
      if (one.endMs > nowMs) continue;
      going.splice(going.indexOf(one), 1);
      const slot = { ...one, durationMs: one.call.durationMs };
      state = stateAfterCall(state, limits, one.call.outcome ?? REPLIED, slot, one.endMs);
    }
    const waiting = queue.filter((one) => one.asks > 0 || one === next).toSorted(earlier);
    const waiterOf = ({ call, order }: Waiting) => ({
      user: call.user,
      rank: waiting.filter((one) => one.call.user === call.user && one.order <= order).length,
      sinceMs: call.atMs,
    });
    const users = [...new Set(waiting.map(({ call }) => call.user))].map((user) => ({
      user,
      waiting: waiting.filter((one) => one !== next && one.call.user === user).length,
      finish: finishes.get(user) ?? null,
    }));
    const due = waiting.filter((one) => one !== next && one.dueMs < nowMs + reservationMs(state)).map(waiterOf);
    next.asks += 1;
    const decision = decideSlot({
      state,
      limits,
      inFlight: going.length,
      trialInFlight: going.some(({ trial }) => trial),
      queue: { virtualTime: state.virtualTime, users, due },
      waiter: waiterOf(next),
      nowMs,
      random: random(),
    });
    if (decision.kind === 'wait') {
      next.dueMs = nowMs + decision.delayMs;
      continue;
    }
    queue.splice(queue.indexOf(next), 1);
    state = decision.state;
    finishes.set(next.call.user, decision.finish);
    const endMs = nowMs + next.call.durationMs;
    going.push({ endMs, call: next.call, grantedMs: nowMs, ...decision });
    served.push({ user: next.call.user, askedMs: next.call.atMs, grantedMs: nowMs, endedMs: endMs, asks: next.asks });
  }
  return served;
}

function earlier(a: Waiting, b: Waiting): number {
  return a.call.atMs - b.call.atMs || a.order - b.order;
}
