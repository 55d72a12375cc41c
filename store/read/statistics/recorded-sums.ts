import type { RecordedCounts } from '../../../contracts/session/recorded-counts.ts';
import { recordedCountsOf } from '../../../core/session/sum-counts.ts';

/** SQL that selects `records` and `recorded`, the number and the sums of the records of the session `s` between two days. Reads nothing for a session that has none. */
export function recordsOf(s: string, from: string, to: string): string {
  const of = (c: string) => `${c}.user_id = ${s}.user_id AND ${c}.session_id = ${s}.session_id AND ${s}.has_records
                AND ${c}.recorded_at >= coalesce(${from}::date::timestamp AT TIME ZONE 'UTC', '-infinity')
                AND ${c}.recorded_at < coalesce((${to}::date + 1)::timestamp AT TIME ZONE 'UTC', 'infinity')`;
  return `
     SELECT count(*)::int AS records,
            json_build_object('requests', coalesce(sum(c.requests), 0), 'errors', coalesce(sum(c.errors), 0),
                              'processingMs', coalesce(sum(c.processing_ms), 0),
                              'counters', (SELECT coalesce(json_object_agg(name, amount), '{}')
                                             FROM (SELECT k.key AS name, sum(k.value::text::float8) AS amount
                                                     FROM perdure.recorded_counts d, json_each(d.counters) k
                                                    WHERE ${of('d')} GROUP BY 1) a)) AS recorded
       FROM perdure.recorded_counts c
      WHERE ${of('c')}`;
}

/** A sum of `recorded_days`. */
export interface RecordedSumRow {
  readonly key: string;
  readonly name: string;
  readonly amount: number;
}

/** SQL of the sums by `key`, an expression over the table. */
export function recordedSumsOf(key: string, where: string): string {
  return `SELECT ${key} AS key, name, sum(amount)::float8 AS amount FROM perdure.recorded_days WHERE ${where} GROUP BY 1, 2`;
}

/** The field of statistics with recorded counts; none without a row. */
export function recordedOf(rows: readonly RecordedSumRow[]): { readonly recorded?: RecordedCounts } {
  if (rows.length === 0) return {};
  const named = Object.fromEntries(rows.map(({ name, amount }) => [name, amount]));
  const counters = Object.fromEntries(Object.entries(named).filter(([name]) => !name.startsWith('@')));
  const { '@requests': requests = 0, '@errors': errors = 0, '@processing_ms': processingMs = 0 } = named;
  return { recorded: recordedCountsOf({ requests, errors, processingMs, counters }) };
}
