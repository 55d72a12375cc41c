import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { GatewayClient } from './gateway-client.ts';

/** All pages of a session's transcript. */
export async function wholeTranscript(
  gateway: Pick<GatewayClient, 'transcript'>,
  id: string,
): Promise<TranscriptEntry[]> {
  const entries: TranscriptEntry[] = [];
  let cursor: string | undefined;
  do {
    const page = await gateway.transcript(id, { cursor });
    entries.push(...page.data);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return entries;
}
