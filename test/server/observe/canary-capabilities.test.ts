import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { InboxItem } from '../../../contracts/session/inbox-item.ts';
import { callJson, eventsOf, pathOf, type Caller } from '../../support/gateway/http-calls.ts';
import { startStubModelServer, type StubBehaviour } from '../../support/models/stub-model-server.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { allTexts } from '../../support/temporal/all-texts.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

/** In everything that is content here: instructions and descriptions, messages, what models write, results and errors. */
const MARKER = 'CANARY7391';
const marked = (what: string) => `${MARKER}-${what}`;
const AGENTS = join(import.meta.dirname, '../../support/process/canary-capabilities');

const word = (what: string) => ({ word: marked(what) });
const calls = (...tools: string[]): StubBehaviour => ({
  reasoning: marked('thought'),
  text: marked('text'),
  toolCalls: tools.map((tool) => ({ tool, arguments: word('argument') })),
});

/** What the model does with a message that says `do-NAME`. */
const BEHAVIOURS: Readonly<Record<string, StubBehaviour>> = {
  tools: calls('reveal', 'apart', 'blurt', marked('tool')),
  pay: calls('pay'),
  wire: calls('wire'),
  seat: calls('seat'),
  reveal: calls('reveal'),
  start: calls('start'),
  linger: calls('linger'),
  ask: { toolCalls: [{ tool: 'ask_user', arguments: { question: marked('question') } }] },
  delegate: { toolCalls: [{ tool: 'helper', arguments: { task: marked('task') } }] },
  'delegate-fail': { toolCalls: [{ tool: 'helper', arguments: { task: `${marked('task')} do-fail` } }] },
  'delegate-linger': { toolCalls: [{ tool: 'helper', arguments: { task: `${marked('task')} do-linger` } }] },
  program: {
    toolCalls: [
      {
        tool: 'run_program',
        arguments: {
          source: `await tools.reveal({ word: '${marked('program')}' }).catch(() => {}); await tools.apart({ word: '${marked('program')}' }); throw new Error('${marked('program-error')}')`,
        },
      },
    ],
  },
  long: { text: `${marked('long')} ${'and so on '.repeat(150)}` },
  hang: { misbehaves: 'hangs-mid-stream', text: marked('partial') },
  fail: { status: 400, body: { error: { message: marked('bad-request'), code: `${MARKER} said` } } },
};

/** Events of everything that is meant to happen. */
const HAPPENED: PerdureEvent['type'][] = [
  'approval.requested',
  'approval.decided',
  'client_call.requested',
  'client_call.answered',
  'context.summarized',
  'input.decided',
  'reasoning.completed',
  'tool.completed',
  'tool.failed',
  'tool.unknown',
  'run.failed',
  'run.cancelled',
];

function behave({ messages }: Record<string, unknown>): StubBehaviour {
  const last = (messages as { role: string; content: unknown }[]).at(-1);
  const [, what = ''] = /do-([\w-]+)/.exec(JSON.stringify(last?.content)) ?? [];
  return (last?.role === 'user' && BEHAVIOURS[what]) || { text: marked('answer') };
}

test('whatever agents do, and however it ends, Temporal, logs, metrics and traces have nothing of what was said', async () => {
  await using temporal = await privateTemporal();
  const model = await startStubModelServer();
  onTestFinished(() => model.close());
  model.behave(behave);
  await using receiver = await startOtlpReceiver();
  const perdure = await perdureHome({
    TEMPORAL_ADDRESS: temporal.address,
    PERDURE_AGENTS: AGENTS,
    PERDURE_MODEL: 'openai/stub-model',
    OPENAI_API_KEY: 'key',
    OPENAI_BASE_URL: model.baseUrl,
    PERDURE_LOG: 'debug',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  }).start();
  const ann: Caller = { url: perdure.url, user: 'ann' };
  const connection = await Connection.connect({ address: temporal.address });
  onTestFinished(() => connection.close());
  const client = new Client({ connection });

  const send = (session: string, what: string, more: object = {}) =>
    callJson<{ runId: string }>(ann, 'POST', pathOf(session, 'messages'), {
      agent: session.split('-')[0],
      content: `${marked('message')} do-${what}`,
      ...more,
    });
  const ended = async (session: string, count = 1) => {
    const endings = async () =>
      (await eventsOf(ann, session)).filter(({ type }) => /^run\.(completed|failed|cancelled)$/.test(type));
    await expect.poll(async () => (await endings()).length, { message: session }).toBe(count);
    return (await endings()).map(({ type }) => type.slice(4));
  };
  const seen = (session: string, type: string) =>
    expect
      .poll(async () => (await eventsOf(ann, session)).some((event) => event.type === type), { message: session })
      .toBe(true);
  const asked = (what: string) =>
    expect
      .poll(() => model.requests.some(({ body }) => JSON.stringify(body['messages']).includes(what)), { message: what })
      .toBe(true);
  const pending = async (session: string): Promise<string> => {
    const inbox = () => callJson<{ data: InboxItem[] }>(ann, 'GET', `/v1/inbox?session=${session}`);
    await expect.poll(async () => (await inbox()).data.length, { message: session }).toBe(1);
    return (await inbox()).data[0]?.id ?? '';
  };
  const answer = async (session: string, kind: 'approvals' | 'client-calls', body: object) =>
    callJson(ann, 'POST', pathOf(session, kind, await pending(session)), body);

  // Tools, a session that continues as new, workflows of the application, and programs.
  await send('capable-tools', 'tools');
  expect(await ended('capable-tools')).toEqual(['completed']);
  await client.workflow.getHandle('ann:capable-tools').signal('continueAsNew');
  await send('capable-tools', 'start');
  await ended('capable-tools', 2);
  await send('coder-program', 'program');
  expect(await ended('coder-program')).toEqual(['completed']);

  // Approvals and client calls, each answer with content.
  await send('capable-pay', 'pay');
  await answer('capable-pay', 'approvals', {
    decision: 'approve',
    reason: marked('reason'),
    arguments: word('edited'),
  });
  await ended('capable-pay');
  await send('capable-pay', 'wire');
  await answer('capable-pay', 'approvals', { decision: 'reject', reason: marked('reason') });
  await ended('capable-pay', 2);
  await send('evaluated-call', 'reveal');
  await answer('evaluated-call', 'approvals', { decision: 'approve', remember: 'session' });
  await ended('evaluated-call');
  await send('capable-seat', 'seat');
  await answer('capable-seat', 'client-calls', { result: word('result') });
  await ended('capable-seat');
  await send('capable-seat', 'ask');
  await answer('capable-seat', 'client-calls', { error: marked('client-error') });
  await ended('capable-seat', 2);

  // Agents that call agents: an answer, a failure, a cancel of both.
  await send('capable-lead', 'delegate');
  await send('capable-lead', 'delegate-fail');
  await ended('capable-lead', 2);
  const { runId } = await send('capable-lead', 'delegate-linger');
  await asked('do-linger');
  await callJson(ann, 'POST', pathOf('capable-lead', 'runs', runId, 'cancel'));
  expect(await ended('capable-lead', 3)).toEqual(['completed', 'completed', 'cancelled']);

  // Runs that are steered, cancelled, interrupted and resumed, in the middle of a tool or of a model call.
  const lingering = await send('capable-stop', 'linger');
  await seen('capable-stop', 'tool.called');
  await send('capable-stop', 'steer', { whileRunning: 'steer' });
  await callJson(ann, 'POST', pathOf('capable-stop', 'runs', lingering.runId, 'cancel'));
  expect(await ended('capable-stop')).toEqual(['cancelled']);
  await send('capable-talk', 'hang');
  await asked('do-hang');
  const failing = await send('capable-talk', 'fail', { whileRunning: 'interrupt' });
  expect(await ended('capable-talk', 2)).toEqual(['cancelled', 'failed']);
  await callJson(ann, 'POST', pathOf('capable-talk', 'runs', failing.runId, 'resume'));
  expect(await ended('capable-talk', 3)).toEqual(['cancelled', 'failed', 'failed']);

  // Context, memory, windows, schemas, providers and middleware; each with its failures.
  for (let turn = 1; turn <= 4; turn += 1) {
    await send('windowed-talk', 'long');
    await ended('windowed-talk', turn);
  }
  for (const [agent, end] of [
    ['remembering', 'completed'],
    ['shaped', 'failed'],
    ['unprovided', 'failed'],
    ['skipped', 'failed'],
    ['refused', 'failed'],
    ['unguarded', 'failed'],
    ['replaced', 'completed'],
  ] as const) {
    await send(`${agent}-talk`, 'talk');
    expect([agent, ...(await ended(`${agent}-talk`))]).toEqual([agent, end]);
  }
  await seen('windowed-talk', 'context.summarized');
  const { data: sessions } = await callJson<{ data: { id: string }[] }>(ann, 'GET', '/v1/sessions?limit=100');
  const events = (await Promise.all(sessions.map(({ id }) => eventsOf(ann, id)))).flat();
  expect([...new Set(events.map(({ type }) => type))]).toEqual(expect.arrayContaining(HAPPENED));

  const metrics = await (await fetch(`${perdure.url}/metrics`)).text();
  const texts = await allTexts(client);
  await perdure.stop();
  const places = new Map([...texts, ['log', perdure.output()], ['metrics', metrics], ['spans', receiver.text()]]);
  const leaks = [...places].flatMap(([where, text]) =>
    [...text.matchAll(/.{0,60}CANARY7391.{0,30}/gs)].map(([leak]) => `${where}: ${leak}`),
  );
  expect(leaks).toEqual([]);
  // All of it was there to be searched.
  const where = [...texts.keys()].join('\n');
  for (const kind of ['event 5 of agentSession', 'state of agentRun', 'state of neverRun', 'details of agentSession'])
    expect(where).toContain(kind);
}, 180_000);
