import type { ListedRuns } from '../../../contracts/session/run.ts';
import type { Db } from '../../db/db.ts';
import { listRunsAcross, type RunListing } from './run-listing.ts';

/** Lists the runs of a user across sessions, and without a session. */
export async function listUserRuns(db: Db, user: string, listing: RunListing): Promise<Required<ListedRuns>> {
  return listRunsAcross(db, user, listing);
}
