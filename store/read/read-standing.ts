import type { Policy } from '../../contracts/agent.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { Db } from '../db/db.ts';

/** What a message finds that is sent to a session. */
export interface MessageStanding {
  /** Whether the message was admitted before. False for a message in an archive. */
  readonly isAdmitted: boolean;
  /** The session; null if it does not exist. */
  readonly session: { readonly status: SessionStatus; readonly agent: string; readonly policy: Policy } | null;
  /** Whether a run of the session is running. */
  readonly isRunning: boolean;
}

/** Reads what a message would find, without locking the session. */
export async function readMessageStanding(
  db: Db,
  { user, session }: SessionKey,
  messageId: string,
): Promise<MessageStanding> {
  const [row] = await db.query<MessageStanding>(
    `SELECT EXISTS (SELECT FROM perdure.messages
                     WHERE user_id = $1 AND session_id = $2 AND message_id = $3) AS "isAdmitted",
            (SELECT json_build_object('status', status, 'agent', agent, 'policy', policy) FROM perdure.sessions
              WHERE user_id = $1 AND session_id = $2) AS session,
            EXISTS (SELECT FROM perdure.runs
                     WHERE user_id = $1 AND session_id = $2 AND status = 'running') AS "isRunning"`,
    [user, session, messageId],
  );
  return row ?? { isAdmitted: false, session: null, isRunning: false };
}
