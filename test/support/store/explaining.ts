import type { Db } from '../../../store/db/db.ts';

/** A store that finds nothing, and which records the plan of each query. */
export function explaining(db: Db): Db & { readonly plans: string[] } {
  const plans: string[] = [];
  const explain = async (sql: string, params?: readonly unknown[]) => {
    if (params === undefined) return [];
    const rows = await db.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, params);
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
    return [];
  };
  return { ...db, plans, query: explain, transaction: (work) => work({ query: explain }) };
}
