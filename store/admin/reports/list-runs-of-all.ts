import type { ListedRuns } from '../../../contracts/session/run.ts';
import type { Db } from '../../db/db.ts';
import { listRunsAcross, type RunListing } from '../../read/lists/run-listing.ts';

/** For operators: lists the runs of all users. */
export async function listRunsOfAll(db: Db, listing: RunListing): Promise<Required<ListedRuns>> {
  return listRunsAcross(db, null, listing);
}
