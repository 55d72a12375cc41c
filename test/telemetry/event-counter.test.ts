import { v5 as uuidv5, v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import { EventCounter } from '../../telemetry/event-counter.ts';
import { createMetrics } from '../../telemetry/metrics.ts';

const key = { user: 'ada', session: 'trip' };
const T = Date.UTC(2026, 0, 2, 3, 4, 5);
const usage = { inputTokens: 10, outputTokens: 5, cachedTokens: null, reasoningTokens: null };

function counter() {
  const metrics = createMetrics();
  const events = new EventCounter(metrics);
  let seq = 0;
  return {
    events,
    add: (ms: number, event: object) =>
      events.count(
        key,
        [{ seq: (seq += 1), at: new Date(T + ms).toISOString(), sessionId: 'trip', ...event } as PerdureEvent],
        (name) => name === 'dice',
      ),
    lines: async (name: string) =>
      [...(await metrics.scrape()).text.matchAll(new RegExp(`^${name}.*$`, 'gm'))].map(([line]) => line),
  };
}

test('a run is counted by agent and outcome, with its wait and its response time', async () => {
  const { add, lines } = counter();
  const runId = uuidv7({ msecs: T });
  add(0, { type: 'session.opened', agent: 'tutor' });
  add(0, { type: 'message.received', runId, messageId: 'm', content: 'CONTENT', disposition: 'started' });
  add(20, { type: 'run.started', runId, agent: 'tutor', agentVersion: 'v', model: 'scripted/demo' });
  add(900, { type: 'message.completed', runId, step: 1, usage });
  add(900, { type: 'run.completed', runId, output: 'CONTENT', steps: 1, usage });

  expect(await lines('perdure_messages_total')).toEqual(['perdure_messages_total{agent="tutor",outcome="started"} 1']);
  expect(await lines('perdure_runs_total')).toEqual(['perdure_runs_total{agent="tutor",outcome="completed"} 1']);
  expect(await lines('perdure_run_duration_seconds_sum')).toEqual([
    'perdure_run_duration_seconds_sum{agent="tutor",outcome="completed"} 0.9',
  ]);
  expect(await lines('perdure_run_queue_wait_seconds_sum')).toEqual([
    'perdure_run_queue_wait_seconds_sum{agent="tutor"} 0.02',
  ]);
  // What is unknown is no zero.
  expect(await lines('perdure_tokens_total')).toEqual([
    'perdure_tokens_total{agent="tutor",type="input"} 10',
    'perdure_tokens_total{agent="tutor",type="output"} 5',
  ]);
  expect((await lines('')).join('\n')).not.toContain('CONTENT');
});

test('a worker that takes a run over knows when it was admitted, by its id', async () => {
  const { events, add, lines } = counter();
  events.setAgent(key, 'tutor');
  add(2_500, {
    type: 'run.failed',
    runId: uuidv7({ msecs: T }),
    error: { code: 'rate_limited', detail: 'CONTENT' },
    steps: 0,
    usage,
  });

  expect(await lines('perdure_run_duration_seconds_sum')).toEqual([
    'perdure_run_duration_seconds_sum{agent="tutor",outcome="failed"} 2.5',
  ]);
  expect(await lines('perdure_errors_total')).toEqual([
    'perdure_errors_total{agent="tutor",source="run",type="rate_limited"} 1',
  ]);
});

test('of a run without a session, whose id carries no time, the response time begins with its admission', async () => {
  const { add, lines } = counter();
  const runId = `run-${uuidv5('m', uuidv5.URL)}`;
  add(0, { type: 'session.opened', agent: 'tutor' });
  add(0, { type: 'message.received', runId, messageId: 'm', content: 'hi', disposition: 'started' });
  add(700, { type: 'run.cancelled', runId, reason: 'cancelled', steps: 0, usage });

  expect(await lines('perdure_run_duration_seconds_sum')).toEqual([
    'perdure_run_duration_seconds_sum{agent="tutor",outcome="cancelled"} 0.7',
  ]);
});

test('tools are counted by outcome; a name that a model made up is not shown', async () => {
  const { add, lines } = counter();
  const call = { runId: 'r', step: 1, callId: 'c', attempts: 1 };
  add(0, { type: 'tool.completed', ...call, tool: 'dice', result: 'CONTENT', durationMs: 3 });
  add(0, { type: 'tool.failed', ...call, tool: 'CONTENT', error: 'CONTENT' });

  expect(await lines('perdure_tool_calls_total')).toEqual([
    'perdure_tool_calls_total{tool="dice",outcome="completed"} 1',
    'perdure_tool_calls_total{tool="unknown",outcome="failed"} 1',
  ]);
  expect((await lines('')).join('\n')).not.toContain('CONTENT');
});

test('a refusal is a message and an error, a duplicate is a message only', async () => {
  const { events, lines } = counter();
  events.setAgent(key, 'tutor');
  events.countMessage(key, 'duplicate');
  events.countMessage(key, 'session_ended');

  expect(await lines('perdure_messages_total')).toHaveLength(2);
  expect(await lines('perdure_errors_total')).toEqual([
    'perdure_errors_total{agent="tutor",source="message",type="session_ended"} 1',
  ]);
});

test('an event of a type that this version does not know is not counted', async () => {
  const { add, lines } = counter();
  add(0, { type: 'run.paused', runId: 'r', tool: 'dice', usage });

  const counted = (await lines('perdure_\\w+')).filter((line) => !line.endsWith(' 0'));
  expect(counted).toEqual([]);
});

test('a run that goes on after an answer counts neither as one that waited in the queue nor as a slow one', async () => {
  const { add, lines } = counter();
  const runId = uuidv7({ msecs: T });
  add(0, { type: 'session.opened', agent: 'tutor' });
  const started = { type: 'run.started', runId, agent: 'tutor', agentVersion: 'v', model: 'scripted/demo' };
  add(20, started);
  add(30, { type: 'approval.requested', runId, itemId: 'i', tool: 'dice', arguments: {} });
  add(3_600_000, { type: 'approval.decided', runId, itemId: 'i', tool: 'dice', decision: 'approve', by: 'ann' });
  add(3_600_100, { ...started, continued: true });
  add(3_600_900, { type: 'run.completed', runId, output: 'CONTENT', steps: 2, usage });

  expect(await lines('perdure_run_queue_wait_seconds_sum')).toEqual([
    'perdure_run_queue_wait_seconds_sum{agent="tutor"} 0.02',
  ]);
  expect(await lines('perdure_run_duration_seconds_sum')).toEqual([]);
  expect(await lines('perdure_runs_total')).toEqual(['perdure_runs_total{agent="tutor",outcome="completed"} 1']);
  expect(await lines('perdure_inbox_answers_total')).toEqual([
    'perdure_inbox_answers_total{kind="approval",outcome="approved"} 1',
  ]);
});

test('what becomes of approvals and client calls is counted by kind and outcome', async () => {
  const { add, lines } = counter();
  const item = { runId: 'r', itemId: 'i', tool: 'dice' };
  add(0, { type: 'approval.decided', ...item, decision: 'reject', by: 'ann' });
  add(0, { type: 'approval.expired', ...item, outcome: 'reject' });
  add(0, { type: 'client_call.answered', ...item, by: 'ann' });
  add(0, { type: 'client_call.withdrawn', ...item });

  expect(await lines('perdure_inbox_answers_total')).toEqual([
    'perdure_inbox_answers_total{kind="approval",outcome="rejected"} 1',
    'perdure_inbox_answers_total{kind="approval",outcome="expired"} 1',
    'perdure_inbox_answers_total{kind="client",outcome="answered"} 1',
    'perdure_inbox_answers_total{kind="client",outcome="withdrawn"} 1',
  ]);
});
