import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { transcript } from '../../../core/conversation/transcript.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readTranscriptRuns } from '../../../store/read/read-transcript-runs.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { converse, newKey, send, withCalls, call } from '../conversation.ts';

describeStores(DATABASES, (db) => {
  test('a transcript has pages of whole runs, which together are the whole conversation', async () => {
    const { key } = await withCalls(db(), call('c1'), call('c2'));
    const large = 'x'.repeat(200_000);
    for (let index = 0; index < 7; index += 1) await converse(db(), key, `large${index}`, `${index} ${large}`);
    await send(db(), key, { id: 'queued', content: 'later' });
    const pages: PerdureEvent[][][] = [];
    for (let cursor: string | undefined; ;) {
      const page = await readTranscriptRuns(db(), key, cursor);
      pages.push(page.runs.map((run) => [...run]));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect(pages.map((runs) => runs.length)).toEqual([3, 2, 2, 2]);
    const events: PerdureEvent[] = [];
    for (let more = true; more;) {
      const page = await readEvents(db(), key, { after: events.length, limit: 1_000 });
      events.push(...page.events);
      ({ more } = page);
    }
    expect(pages.flat().flatMap(transcript)).toEqual(transcript(events));
  });

  test('a session without runs has an empty transcript, and an invalid cursor is refused', async () => {
    expect(await readTranscriptRuns(db(), newKey(), undefined)).toEqual({ runs: [], nextCursor: null });
    await expect(readTranscriptRuns(db(), newKey(), '5')).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
