import type { Pause } from '../../../contracts/admin/pause.ts';
import { pauseId, type PauseScope } from '../../../core/pauses/pause-id.ts';
import type { Db } from '../../db/db.ts';

interface PauseRow {
  readonly kind: Pause['kind'];
  readonly name: string;
  readonly refuses: boolean;
  readonly stops: boolean;
  readonly reason: string | null;
  readonly actor: string;
  readonly since: string;
}

const COLUMNS = 'kind, name, refuses, stops, reason, actor, since';

/** Reads all pauses, the oldest first. */
export async function readPauses(db: Db): Promise<Pause[]> {
  const rows = await db.query<PauseRow>(`SELECT ${COLUMNS} FROM perdure.pauses ORDER BY since, kind, name`, []);
  return rows.map(pauseOf);
}

/** For operators: sets a pause, or changes it. A pause that is changed keeps its time. */
export async function savePause(
  db: Db,
  { kind, name, refuse, stop, reason, by }: Omit<Pause, 'id' | 'since'>,
): Promise<Pause> {
  const [row] = await db.query<PauseRow>(
    `INSERT INTO perdure.pauses AS p (${COLUMNS})
     VALUES ($1, $2, $3, $4, $5, $6, date_trunc('milliseconds', clock_timestamp()))
     ON CONFLICT (kind, name) DO UPDATE
        SET refuses = EXCLUDED.refuses, stops = EXCLUDED.stops, reason = EXCLUDED.reason, actor = EXCLUDED.actor
     RETURNING ${COLUMNS}`,
    [kind, name ?? '', refuse, stop, reason, by],
  );
  if (!row) throw new Error('The store returned no row for a pause.');
  return pauseOf(row);
}

/** For operators: removes a pause. False if there was none. */
export async function removePause(db: Db, { kind, name }: PauseScope): Promise<boolean> {
  const rows = await db.query(`DELETE FROM perdure.pauses WHERE kind = $1 AND name = $2 RETURNING kind`, [
    kind,
    name ?? '',
  ]);
  return rows.length > 0;
}

function pauseOf({ kind, name: stored, refuses, stops, reason, actor, since }: PauseRow): Pause {
  const name = kind === 'all' ? null : stored;
  return {
    id: pauseId({ kind, name }),
    kind,
    name,
    refuse: refuses,
    stop: stops,
    reason,
    by: actor,
    since: new Date(since).toISOString(),
  };
}
