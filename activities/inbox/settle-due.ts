import { publishAppended } from '../../live/publish-appended.ts';
import { settleDue as settleDueInStore } from '../../store/inbox/settle-due.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { SettleDueOutput } from '../shared/contract.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Does what is due in the calling session. */
export async function settleDue(deps: ActivityDeps): Promise<SettleDueOutput> {
  const { key } = callingSession();
  const { events, wakes, ...settled } = await settleDueInStore(deps.db, key);
  publishAppended(deps, key, events);
  return { ...settled, openRuns: wakes ? [wakes] : [] };
}
