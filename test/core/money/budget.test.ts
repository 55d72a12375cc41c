import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  accountsIn,
  exceeded,
  factsOf,
  needsReservation,
  limitsOf,
  refusalText,
  resolveBudgets,
  budgetRetryAfterMs,
  type Account,
} from '../../../core/money/budget.ts';
import { warningsOf } from '../../../core/money/budget-warnings.ts';
import { dayOf, firstOfMonth, monthOf, nextDay, nextMonth } from '../../../core/money/utc-period.ts';

const NOTHING = {
  usedNanos: 0,
  usedTokens: 0,
  reservedNanos: 0,
  reservedTokens: 0,
  inFlightNanos: 0,
  inFlightTokens: 0,
};

test('a user has their own limits, then the deployment’s, then none; a null lifts a limit', () => {
  const budgets = resolveBudgets({ monthlyUsd: 50, dailyTokens: 1_000 });
  expect(limitsOf(budgets, null)).toEqual({
    monthlyUsd: 50,
    monthlyTokens: null,
    dailyUsd: null,
    dailyTokens: 1_000,
    dailyWarnUsd: 10,
  });
  expect(limitsOf(budgets, { monthlyUsd: 5, dailyTokens: null, dailyWarnUsd: null })).toMatchObject({
    monthlyUsd: 5,
    dailyTokens: null,
    dailyWarnUsd: null,
  });
  expect(limitsOf(budgets, { monthlyUsd: undefined }).monthlyUsd).toBe(50);
});

test('a threshold that only warns limits nothing', () => {
  const limits = limitsOf(resolveBudgets(), null);
  expect(needsReservation(limits, {})).toBe(false);
  expect(needsReservation(limits, { runTokens: 5 })).toBe(true);
  expect(needsReservation({ ...limits, monthlyUsd: 0 }, {})).toBe(true);
});

test('a budget holds a call up to its limit, and no dollars that are not known', () => {
  const spent = { ...NOTHING, usedNanos: 4e9, usedTokens: 10, reservedNanos: 5e9, reservedTokens: 20 };
  const accounts = accountsIn('month', spent, { usd: 10, tokens: 100 }, '2026-12-01T00:00:00.000Z');
  expect(exceeded(accounts, { nanos: 1e9, tokens: 70 })).toBeNull();
  expect(exceeded(accounts, { nanos: 1e9 + 1, tokens: 70 })).toMatchObject({ unit: 'usd' });
  expect(exceeded(accounts, { nanos: 1e9, tokens: 71 })).toMatchObject({ unit: 'tokens' });
  expect(exceeded(accounts, { nanos: null, tokens: 1 })).toMatchObject({ unit: 'usd' });
  expect(exceeded(accountsIn('run', spent, { usd: null, tokens: 100 }, null), { nanos: null, tokens: 1 })).toBeNull();
});

test('a refusal says what was used, the limit, when it resets and what to do', () => {
  const [account] = accountsIn(
    'month',
    { ...NOTHING, usedNanos: 9_981_234_000, reservedNanos: 5e6 },
    { usd: 10, tokens: null },
    '2026-12-01T00:00:00.000Z',
  );
  const facts = factsOf(account as Account);
  expect(facts).toEqual({
    scope: 'month',
    unit: 'usd',
    used: 9.981234,
    reserved: 0.005,
    limit: 10,
    resetsAt: '2026-12-01T00:00:00.000Z',
  });
  expect(refusalText(facts, 0.05, 'openai/x')).toBe(
    'The budget of the month has $9.981234 of $10.00 used and $0.005 reserved for calls in progress; the next call may use up to $0.05. It resets at 2026-12-01T00:00:00.000Z; an operator can raise it (perdure budget).',
  );
  expect(refusalText({ ...facts, limit: 0.06 }, 0.07, 'openai/x')).toBe(
    'A single call of "openai/x" may use up to $0.07, but the whole budget of the month is $0.06. Lower maxOutputTokens of the agent, or ask an operator to raise the limit (perdure budget).',
  );
  expect(refusalText({ ...facts, scope: 'run', limit: 0.06, resetsAt: null }, 0.07, 'openai/x')).toMatch(
    /or raise the policy budget\.runUsd\.$/,
  );
  expect(refusalText(facts, null, 'local/x')).toContain('the model "local/x" has no price');
});

test('a refusal says when to try again only where time helps', () => {
  const resetsAt = '2026-12-01T00:00:00.000Z';
  const account: Account = { scope: 'month', unit: 'usd', used: 60, reserved: 50, inFlight: 50, limit: 100, resetsAt };
  const after = (nanos: number | null) =>
    budgetRetryAfterMs(account, { nanos, tokens: 1 }, Date.parse(resetsAt) - 9_000);
  expect([30, 70, 101, null].map(after)).toEqual([5_000, 9_000, null, null]);
  // What is reserved for calls that no worker makes is not soon free.
  const left = { ...account, inFlight: 10 };
  expect(budgetRetryAfterMs(left, { nanos: 30, tokens: 1 }, Date.parse(resetsAt) - 9_000)).toBe(9_000);
  expect(budgetRetryAfterMs({ ...account, resetsAt: null }, { nanos: 70, tokens: 1 }, 0)).toBeNull();
});

test('reservations that are made one after the other never pass the limit, whatever is settled between', () => {
  const step = fc.record({
    worst: fc.integer({ min: 0, max: 1_000 }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000 }), fc.array(step, { maxLength: 60 }), (limit, steps) => {
      let used = 0;
      let reserved = 0;
      for (const { worst, part } of steps) {
        const account: Account = {
          scope: 'day',
          unit: 'tokens',
          used,
          reserved,
          inFlight: reserved,
          limit,
          resetsAt: null,
        };
        if (exceeded([account], { nanos: null, tokens: worst })) continue;
        reserved += worst;
        // Every third call is in progress until the end.
        if (worst % 3 === 0) continue;
        used += Math.floor(worst * part);
        reserved -= worst;
        expect(used + reserved).toBeLessThanOrEqual(limit);
      }
      expect(used + reserved).toBeLessThanOrEqual(limit);
    }),
  );
});

test('each limit warns at a part of it, and the daily threshold where it stands', () => {
  const budgets = resolveBudgets({ monthlyUsd: 50, dailyTokens: 1_001 });
  expect(warningsOf(limitsOf(budgets, null), budgets)).toMatchObject([
    { name: 'month:usd:limit', at: 40e9, limit: 50e9 },
    { name: 'day:tokens:limit', at: 801, limit: 1_001 },
    { name: 'day:usd:threshold', at: 10e9, limit: 10e9 },
  ]);
});

test('months and days begin at midnight UTC', () => {
  expect(dayOf('2026-11-30T23:59:59.999Z')).toBe('2026-11-30');
  expect(dayOf('2026-12-01T00:30:00.000+01:00')).toBe('2026-11-30');
  expect(monthOf('2026-11-30')).toBe('2026-11');
  expect(firstOfMonth('2026-11-30')).toBe('2026-11-01');
  expect(nextDay('2026-12-31')).toBe('2027-01-01T00:00:00.000Z');
  expect(nextDay('2028-02-28')).toBe('2028-02-29T00:00:00.000Z');
  expect(nextMonth('2026-12-31')).toBe('2027-01-01T00:00:00.000Z');
  expect(nextMonth('2026-11-01')).toBe('2026-12-01T00:00:00.000Z');
});
