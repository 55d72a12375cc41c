import { createHash } from 'node:crypto';

/** Sessions share this many PostgreSQL channels: a listener is sent only those of the sessions it reads. */
const CHANNELS = 64;

/** The PostgreSQL channel that a topic's messages go through. */
export function channelOf(topic: string): string {
  const hash = createHash('sha1').update(topic).digest();
  return `perdure_live_${(hash[0] ?? 0) % CHANNELS}`;
}
