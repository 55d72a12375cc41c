import { expect, test } from 'vitest';
import { describeWait } from '../../../cli/render/describe-wait.ts';

const since = '2026-01-01T00:00:00.000Z';
const until = '2026-01-01T00:01:00.000Z';

test('a wait is described with its times, and an estimated time as about', () => {
  expect(describeWait({ what: 'circuit', since, who: 'the provider openai', until })).toBe(
    `the provider openai (paused after failed calls), since ${since}, until about ${until}`,
  );
  expect(describeWait({ what: 'cool_down', since, who: 'the provider openai', until })).toBe(
    `the provider openai (too many requests), since ${since}, until about ${until}`,
  );
  expect(describeWait({ what: 'rate_limit', since, who: 'the provider openai', until: null })).toBe(
    `the provider openai (limits reached), since ${since}`,
  );
  expect(describeWait({ what: 'message', since, who: 'the user', until })).toBe(
    `a message from the user, since ${since}, expires at ${until}`,
  );
  expect(describeWait({ what: 'tool', since, who: 'clock', until: null })).toBe(`the tool clock, since ${since}`);
});
