import { expect, test } from 'vitest';
import { explainRun } from '../../../core/why/explain-run.ts';
import { at, facts, modelCall, run, step, toolCall } from './facts.ts';

function told(given: Parameters<typeof facts>[0]): string[] {
  return explainRun(facts(given)).spans.map(
    ({ kind, label, startMs, durationMs, error, open }) =>
      `${startMs}+${durationMs} ${kind} ${label}${error === null ? '' : ` ✗ ${error}`}${open ? ' …' : ''}`,
  );
}

test('a plain run is a wait, some overhead and a model call, whose time is what its reply says', () => {
  expect(told({})).toEqual([
    '0+100 queue until a worker began',
    '100+10 overhead start to step 1',
    '110+890 model step 1',
  ]);
  const { wallMs, time, summary } = explainRun(facts());
  expect(wallMs).toBe(1_000);
  expect(time).toEqual([
    { kind: 'model', durationMs: 890 },
    { kind: 'queue', durationMs: 100 },
    { kind: 'overhead', durationMs: 10 },
  ]);
  expect(summary.time).toBe('Most of the 1.0 s, 890 ms, was the model: step 1.');
});

test('the summary of a failed run has the code and the detail of its error', () => {
  const failed = run({
    status: 'failed',
    error: { code: 'budget_exceeded', detail: 'The budget of the run is used up.' },
  });
  expect(explainRun(facts({ run: failed })).summary.failure).toBe(
    'It failed (budget_exceeded): The budget of the run is used up.',
  );
  expect(explainRun(facts()).summary).not.toHaveProperty('failure');
});

test('the wait for another run is told apart from the wait for a worker', () => {
  const ahead = { runId: 'run-0', endedAt: at(80) };
  expect(told({ ahead }).slice(0, 2)).toEqual(['0+80 queue behind run run-0', '80+20 queue until a worker began']);
  const waiting = run({ status: 'queued', startedAt: null, endedAt: null });
  const behind = { runId: 'run-0', endedAt: null };
  expect(told({ run: waiting, steps: [], periods: [], replies: [], ahead: behind })).toEqual([
    '0+5000 queue behind run run-0 …',
  ]);
});

test('a model call that repairs an answer is labelled as one', () => {
  const steps = [step({ endedAt: at(300) }), step({ step: 2, startedAt: at(300) })];
  const replies = [
    { step: 1, durationMs: 200, rejected: true },
    { step: 2, durationMs: 700 },
  ];
  expect(told({ steps, replies })).toContain('300+700 model step 2, repair of the answer');
  const [first = { step: 1, durationMs: 200 }, ...rest] = replies;
  expect(told({ steps, replies: [{ ...first, rejected: false }, ...rest] })).toContain('300+700 model step 2');
});

test('tools side by side overlap as spans and count once in the sums', () => {
  const toolCalls = [
    toolCall({ startedAt: at(300), endedAt: at(600) }),
    toolCall({ callId: 'c2', tool: 'fetch', startedAt: at(400), endedAt: at(700), status: 'failed', attempts: 3 }),
  ];
  const steps = [step({ endedAt: at(300), finish: 'tool_calls' }), step({ step: 2, startedAt: at(700) })];
  const replies = [
    { step: 1, durationMs: 200 },
    { step: 2, durationMs: 300 },
  ];
  const given = { steps, toolCalls, replies };
  expect(told(given)).toEqual([
    '0+100 queue until a worker began',
    '100+200 model step 1',
    '300+300 tool clock',
    '400+300 tool fetch, 3 attempts ✗ failed',
    '700+300 model step 2',
  ]);
  expect(explainRun(facts(given)).time).toEqual([
    { kind: 'model', durationMs: 500 },
    { kind: 'tool', durationMs: 400 },
    { kind: 'queue', durationMs: 100 },
  ]);
});

test('calls of context providers are shown with their phase, attempts and failure', () => {
  const call = { attempts: 1, error: null, endedAt: at(120) };
  const contextCalls = [
    { ...call, provider: 'crm', phase: 'before', status: 'completed', startedAt: at(100) },
    {
      ...call,
      provider: 'news',
      phase: 'before',
      status: 'skipped',
      attempts: 3,
      startedAt: at(120),
      endedAt: at(300),
      error: 'secret',
    },
    { ...call, provider: 'crm', phase: 'after', status: 'completed', startedAt: at(900), endedAt: at(1_000) },
  ] as const;
  const given = {
    contextCalls: [...contextCalls],
    steps: [step({ startedAt: at(300), endedAt: at(900) })],
    replies: [{ step: 1, durationMs: 600 }],
  };
  expect(told(given)).toEqual([
    '0+100 queue until a worker began',
    '100+20 context crm, beforeRun',
    '120+180 context news, beforeRun, 3 attempts ✗ skipped',
    '300+600 model step 1',
    '900+100 context crm, afterRun',
  ]);
  expect(explainRun(facts(given)).time).toContainEqual({ kind: 'context', durationMs: 300 });
});

test('tries that were recorded show their errors, and the waits between them are waits for a limit or for another try', () => {
  const modelCalls = [
    modelCall({ endedAt: at(200), outcome: 'failed', error: 'rate_limited', usage: null, costUsd: null }),
    modelCall({ attempt: 2, startedAt: at(700) }),
  ];
  const waits = [{ kind: 'limit', who: 'openai', startedAt: at(300), endedAt: at(600) }] as const;
  const given = { steps: [step({ attempts: 2 })], modelCalls, waits };
  expect(told(given)).toEqual([
    '0+100 queue until a worker began',
    '100+100 model step 1 ✗ rate_limited',
    '200+100 retry before attempt 2',
    '300+300 limit openai',
    '600+100 retry before attempt 2',
    '700+300 model step 1, attempt 2',
  ]);
  expect(explainRun(facts(given)).time).toEqual([
    { kind: 'model', durationMs: 400 },
    { kind: 'limit', durationMs: 300 },
    { kind: 'retry', durationMs: 200 },
    { kind: 'queue', durationMs: 100 },
  ]);
});

test('a try whose worker died is shown as lost', () => {
  const lost = { outcome: 'lost', endedAt: null, usage: null, costUsd: null, firstTokenMs: null };
  const modelCalls = [modelCall(lost), modelCall({ attempt: 2, startedAt: at(600) })];
  const given = { steps: [step({ attempts: 2 })], modelCalls };
  expect(told(given)).toEqual([
    '0+100 queue until a worker began',
    '100+500 model step 1 ✗ lost',
    '600+400 model step 1, attempt 2',
  ]);
  expect(explainRun(facts(given)).summary.time).toBe(
    'Most of the 1.0 s, 900 ms, was the model; the longest was step 1 (lost), 500 ms. ' +
      'A worker stopped responding during step 1: 500 ms passed until another one continued.',
  );
});

test('tries that nobody recorded are one stretch before the last one', () => {
  expect(told({ steps: [step({ attempts: 3 })], replies: [{ step: 1, durationMs: 400 }] })).toEqual([
    '0+100 queue until a worker began',
    '100+500 retry before attempt 3',
    '600+400 model step 1, attempt 3',
  ]);
  const failed = run({ status: 'failed', error: { code: 'model_unavailable', detail: 'gone' } });
  expect(told({ run: failed, steps: [step({ attempts: 3, committed: false, endedAt: null })], replies: [] })).toEqual([
    '0+100 queue until a worker began',
    '100+900 model step 1, 3 attempts and the waits between them ✗ model_unavailable',
  ]);
});

test('between an end and a resume a run is stopped', () => {
  const periods = [
    { startedAt: at(100), endedAt: at(300), ending: 'rate_limited' },
    { startedAt: at(800), endedAt: at(1_000), ending: 'completed' },
  ];
  const steps = [step({ startedAt: at(800) })];
  expect(told({ periods, steps, replies: [{ step: 1, durationMs: 200 }] })).toEqual([
    '0+100 queue until a worker began',
    '100+200 overhead start to end',
    '300+500 stopped ended (rate_limited), then resumed',
    '800+200 model step 1',
  ]);
  const open = run({ status: 'queued', endedAt: null });
  expect(told({ run: open, periods: periods.slice(0, 1), steps: [], replies: [] }).at(-1)).toBe(
    '300+4700 stopped ended (rate_limited), then resumed …',
  );
});

test('a run that failed in a step and was resumed was stopped meanwhile, and did not wait to try again', () => {
  const periods = [
    { startedAt: at(100), endedAt: at(200), ending: 'budget_exceeded' },
    { startedAt: at(800), endedAt: at(1_000), ending: 'completed' },
  ];
  const refused = { outcome: 'failed', error: 'budget_exceeded', usage: null, costUsd: 0 };
  const modelCalls = [modelCall({ endedAt: at(150), ...refused }), modelCall({ attempt: 2, startedAt: at(800) })];
  const given = { periods, steps: [step({ attempts: 2 })], modelCalls };
  expect(told(given)).toEqual([
    '0+100 queue until a worker began',
    '100+50 model step 1 ✗ budget_exceeded',
    '150+50 overhead step 1 to end',
    '200+600 stopped ended (budget_exceeded), then resumed',
    '800+200 model step 1, attempt 2',
  ]);
  expect(explainRun(facts(given)).summary.time).toBe(
    'Most of the 1.0 s, 600 ms, was time between the end of the run and its resumption: ended (budget_exceeded), then resumed.',
  );
});

test('after a try that failed a run that is going waits for the next one', () => {
  const going = run({ status: 'running', endedAt: null });
  const failed = { outcome: 'failed', error: 'server_error', usage: null, costUsd: 0 };
  const modelCalls = [modelCall({ endedAt: at(200), ...failed })];
  const given = { run: going, steps: [step({ committed: false, endedAt: null })], modelCalls, now: at(900) };
  const periods = [{ startedAt: at(100), endedAt: null, ending: null }];
  expect(told({ ...given, periods }).at(-1)).toBe('200+700 retry before attempt 2 …');
  const waits = [{ kind: 'circuit', who: 'openai', startedAt: at(500), endedAt: null }] as const;
  expect(told({ ...given, periods, waits }).slice(-2)).toEqual([
    '200+300 retry before attempt 2',
    '500+400 circuit openai …',
  ]);
});

test('costs add up, and what is unknown is not counted as free', () => {
  const modelCalls = [
    modelCall({ costUsd: 0.002 }),
    modelCall({ step: 2, costUsd: 0.01 }),
    modelCall({ step: 3, costUsd: 0.0003 }),
  ];
  const steps = [step(), step({ step: 2 }), step({ step: 3 })];
  const { cost, summary } = explainRun(facts({ steps, modelCalls }));
  expect(cost.total.costUsd).toBeCloseTo(0.0123, 10);
  expect(cost.total.inputTokens).toBe(30);
  expect(cost.unknownCalls).toBe(0);
  expect(summary.cost).toBe('Most of the $0.0123 was step 2, $0.01.');

  const lost = modelCall({ step: 3, costUsd: null, usage: null, outcome: 'lost' });
  const partly = explainRun(facts({ steps, modelCalls: [...modelCalls.slice(0, 2), lost] }));
  expect(partly.cost.total).toMatchObject({ costUsd: null, inputTokens: null });
  expect(partly.cost.known).toMatchObject({ costUsd: 0.012, inputTokens: 20 });
  expect(partly.summary.cost).toBe('Most of the known $0.012 was step 2, $0.01. The cost of 1 of 3 calls is unknown.');
});

test('without prices the summary speaks of tokens', () => {
  const { cost, summary } = explainRun(facts());
  expect(cost.total).toMatchObject({ inputTokens: 10, outputTokens: 5, costUsd: null });
  expect(summary.cost).toBe('Its cost is unknown. All of its 15 tokens went to step 1: 15.');
});

test('the summary of waits between attempts sums them all and names the errors that caused them', () => {
  const failed = { outcome: 'failed', error: 'rate_limited' };
  const modelCalls = [
    modelCall({ ...failed, startedAt: at(100), endedAt: at(110) }),
    modelCall({ ...failed, attempt: 2, startedAt: at(400), endedAt: at(410) }),
    modelCall({ attempt: 3, startedAt: at(800), endedAt: at(1_000) }),
  ];
  expect(explainRun(facts({ steps: [step({ attempts: 3 })], modelCalls })).summary.time).toBe(
    'Most of the 1.0 s, 680 ms, was waiting to retry after failed model calls (2 × rate_limited, HTTP 429); ' +
      'the longest was before attempt 3, 390 ms.',
  );
});

test('what was left out of the context, and what is done in the background, have a sentence each', () => {
  const replies = [{ step: 1, durationMs: 600, omitted: 3 }];
  const startedAt = facts().run.endedAt ?? '';
  const call = { provider: 'memory', phase: 'after', status: 'failed', attempts: 1, error: null } as const;
  const contextCalls = [{ ...call, startedAt, endedAt: null }];
  const { summary, spans } = explainRun(facts({ replies, contextCalls }));
  expect(summary.context).toBe(
    'In step 1, 3 older messages were left out of the context: the window has no room, and no summary stands for them.',
  );
  expect(summary.background).toBe('In the background, after the run: memory failed.');
  expect(spans.some(({ kind }) => kind === 'context')).toBe(false);
  const pending = explainRun(facts({ isLeftForBackground: true }));
  expect(pending.summary.background).toBe('In the background, after the run: calls are pending.');
  expect(explainRun(facts()).summary).not.toHaveProperty('background');
});
