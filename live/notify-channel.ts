import { createHash } from 'node:crypto';

/** The number of PostgreSQL channels that sessions share. A listener receives only the channels of sessions that it reads. */
const CHANNELS = 64;

/** The PostgreSQL channel of a topic. */
export function channelOf(topic: string): string {
  const hash = createHash('sha1').update(topic).digest();
  return `perdure_live_${(hash[0] ?? 0) % CHANNELS}`;
}
