import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { TextSoFar } from '../../live/live-channel.ts';
import type { ActivityDeps } from './deps.ts';

/** The uncommitted text of the session, of whichever worker, alive or lost; null where the live channel does not keep it. Never rejects. */
export async function keptText({ live }: Pick<ActivityDeps, 'live'>, key: SessionKey): Promise<TextSoFar | null> {
  return (await live.readText?.(key)) ?? null;
}
