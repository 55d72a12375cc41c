import { LISTENER_NAME, type NotifyListener } from '../live/notify-listener.ts';

/** The `application_name` of a listener whose process receives messages over Redis. */
const LISTENER_WITH_REDIS = `${LISTENER_NAME} with Redis`;

/** Interval at which the other processes are looked for. */
const LOOK_EVERY_MS = 1_000;

const WITHOUT_REDIS = `
  SELECT 1 FROM pg_stat_activity
   WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid() LIMIT 1`;

export interface PeerWatch {
  /** Whether a process listens that does not receive messages over Redis, or that is not known. */
  readonly needsNotify: boolean;
  /** Shows the other processes whether this one receives messages over Redis. */
  show(hasRedis: boolean): void;
  /** Call it with each new connection of the listener. */
  opened(): void;
  close(): void;
}

/**
 * Finds out whether every process that listens has Redis: those of a rolling deploy may not, and one may have lost it. Each shows it
 * by the name of its listening connection, which is `LISTENER_NAME` for the versions without Redis too.
 */
export function watchPeers(query: NotifyListener['query']): PeerWatch {
  let needsNotify = true;
  let hasRedis = false;
  let looking = false;

  async function look(): Promise<void> {
    if (looking || !hasRedis) return;
    looking = true;
    try {
      needsNotify = (await query(WITHOUT_REDIS, [LISTENER_NAME])).rows.length > 0;
    } catch {
      needsNotify = true;
    } finally {
      looking = false;
    }
  }

  function rename(): void {
    const name = hasRedis ? LISTENER_WITH_REDIS : LISTENER_NAME;
    query("SELECT set_config('application_name', $1, false)", [name]).catch(() => {});
  }

  const looks = setInterval(() => void look(), LOOK_EVERY_MS);
  looks.unref();
  return {
    get needsNotify() {
      return needsNotify;
    },
    show(has) {
      hasRedis = has;
      needsNotify = true;
      rename();
      void look();
    },
    opened() {
      if (hasRedis) rename();
    },
    close() {
      clearInterval(looks);
    },
  };
}
