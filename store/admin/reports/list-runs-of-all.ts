import type { ListedRun } from '../../../contracts/session/run.ts';
import type { Db } from '../../db/db.ts';
import { listRunsAcross, type RunListing } from '../../read/run-listing.ts';

/** For operators: lists the runs of all users. */
export async function listRunsOfAll(db: Db, listing: RunListing): Promise<ListedRun[]> {
  return listRunsAcross(db, null, listing);
}
