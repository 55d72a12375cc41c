import { expect, test } from 'vitest';
import { outcomeOfError } from '../../../activities/run/provider-outcome.ts';
import { ModelError } from '../../../models/model-client.ts';

function outcome(reason: string, httpStatus: number | null) {
  return outcomeOfError(new ModelError(reason, 'It failed.', { retryable: true, httpStatus }), 'run');
}

test('a failure that the message may have caused counts once for its run; an absent provider counts each time', () => {
  expect(outcome('stream_truncated', null)).toMatchObject({ health: 'down', countsOnceFor: 'run' });
  expect(outcome('timeout', null)).toMatchObject({ health: 'down', countsOnceFor: 'run' });
  expect(outcome('server_error', 500)).toMatchObject({ health: 'down', countsOnceFor: 'run' });
  for (const absent of [outcome('connection', null), outcome('server_error', 503), outcome('timeout', 504)]) {
    expect(absent).toMatchObject({ health: 'down' });
    expect(absent).not.toHaveProperty('countsOnceFor');
  }
  expect(outcome('rate_limited', 429)).toMatchObject({ health: 'up', retryAfterMs: null });
});
