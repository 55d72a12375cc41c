import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { Client as PostgresClient } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { rawPayload, rawSignal, historyOf, type HistoryEvent } from '../../support/temporal/raw-temporal.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { startStubModelServer, type StubBehaviour } from '../../support/models/stub-model-server.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

/** In everything that is content or secret here, each in its own way. */
const MARKER = 'CANARY7391';
const marked = (what: string) => `${MARKER}-${what}`;
const USER = 'Ada-Personal-Name';
const AGENTS = join(import.meta.dirname, '../../support/process/canary-agents');
const HEALTH = /^Health and metrics are at (\S+)\.$/m;

/** A database whose password carries the marker. */
async function markedDatabase(): Promise<string> {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const admin = new PostgresClient({ connectionString: url });
  await admin.connect();
  const role = `canary_${Date.now()}`;
  await admin.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${marked('password')}'`);
  await admin.end();
  onTestFinished(async () => {
    const last = new PostgresClient({ connectionString: url.replace(/\/[^/]*$/, '/postgres') });
    await last.connect();
    await last.query(`DROP ROLE IF EXISTS ${role}`).catch(() => {});
    await last.end();
  });
  const own = new URL(url);
  own.username = role;
  own.password = marked('password');
  return own.href;
}

/** What the model does with each message, in order: everything that can be said or go wrong, with the marker in it. */
const BEHAVIOURS: readonly StubBehaviour[] = [
  // A run with thoughts, tools in place and apart, one that fails, one that nobody has, and arguments that are no JSON.
  {
    reasoning: marked('thought'),
    text: marked('text'),
    toolCalls: [
      { tool: 'reveal', arguments: { word: marked('argument') } },
      { tool: 'reveal_apart', arguments: { word: marked('argument-apart') } },
      { tool: 'blurt', arguments: { word: marked('error') } },
      { tool: marked('tool'), arguments: { word: marked('argument') } },
      { tool: 'reveal', raw: `{"word": ${marked('broken')}` },
      { tool: 'reveal', arguments: { word: 1, [marked('field')]: marked('value') } },
    ],
  },
  { text: marked('reply') },
  // A provider that repeats the conversation in its errors, and fails for good. What looks like a code is shown.
  { status: 500, body: { error: { message: marked('server-error'), code: `${MARKER} said`, type: `${MARKER} type` } } },
  { misbehaves: 'error-in-stream', text: marked('half') },
  { status: 400, body: { error: { message: marked('bad-request'), code: `${MARKER} said` } } },
  // A refusal, and a reply that is cut short.
  { text: marked('refusal'), finish: 'refusal' },
  { text: marked('long'), finish: 'length' },
];

/** Every text in an event, its payloads decoded. */
function textOf(event: HistoryEvent): string {
  return JSON.stringify(event).replaceAll(/"data":"([A-Za-z0-9+/=]+)"/g, (_, data: string) =>
    Buffer.from(data, 'base64').toString(),
  );
}

test('content, secrets and users are nowhere but in the input of their own signal or update', async () => {
  const database = await markedDatabase();
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const model = await startStubModelServer();
  onTestFinished(() => model.close());
  model.enqueue(...BEHAVIOURS);
  await using receiver = await startOtlpReceiver();
  const home = perdureHome({
    DATABASE_URL: database,
    TEMPORAL_ADDRESS: temporal.address,
    PERDURE_AGENTS: AGENTS,
    PERDURE_MODEL: 'openai/stub-model',
    OPENAI_API_KEY: `sk-${marked('key')}`,
    OPENAI_BASE_URL: model.baseUrl,
    PERDURE_TOKENS: `${marked('token')}=${USER}`,
    PERDURE_LOG: 'debug',
    PERDURE_METRICS_PORT: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  });
  const [gateway, worker] = await Promise.all([home.start('gateway'), home.start('worker')]);
  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${gateway.url}/v1/sessions/trip/messages`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${marked('token')}`,
        prefer: 'wait=30',
        ...headers,
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as { run?: { status: string } } };
  };

  // The messages.
  const first = await post({ id: 'm1', content: marked('message') });
  expect(first.body).toMatchObject({ answer: marked('reply'), run: { status: 'completed' } });
  expect((await post({ content: marked('provider-fails') })).body.run?.status).toBe('failed');
  expect((await post({ content: marked('refused-by-model') })).body.run?.status).toBe('completed');
  expect((await post({ content: marked('cut-short') })).body.run?.status).toBe('completed');
  // Refusals by HTTP: another body under a known id, a body that is not valid, a stranger's token.
  expect((await post({ id: 'm1', content: marked('another-body') })).status).toBe(422);
  expect((await post({ content: [marked('no-text')] })).status).toBe(400);
  expect((await post({ content: 'hi' }, { authorization: `Bearer ${marked('wrong-token')}` })).status).toBe(401);
  // And by raw signal, past every check of the gateway.
  const connection = await Connection.connect({ address: temporal.address });
  onTestFinished(() => connection.close());
  const client = new Client({ connection });
  const workflowId = `${USER}:trip`;
  await rawSignal(client, workflowId, 'submitMessage', [rawPayload(JSON.stringify({ content: [marked('signal')] }))]);
  await rawSignal(client, workflowId, 'submitMessage', [rawPayload(`{"content": ${marked('undecodable')}`)]);
  await expect
    .poll(async () => (await fetchEvents(gateway.url)).filter(({ type }) => type === 'message.refused').length)
    .toBe(2);
  expect(model.requests.length).toBe(BEHAVIOURS.length);

  const metrics = await Promise.all(
    [gateway.url, HEALTH.exec(worker.output())?.[1]].flatMap((url) =>
      ['text/plain', 'application/openmetrics-text'].map(async (accept) =>
        (await fetch(`${url}/metrics`, { headers: { accept } })).text(),
      ),
    ),
  );
  const handle = client.workflow.getHandle(workflowId);
  const description = await handle.describe();
  const metadata = await handle.query<object>('__temporal_workflow_metadata');
  const history = await historyOf(client, workflowId);
  await Promise.all([gateway.stop(), worker.stop()]);
  // Of a worker that never came up, too.
  const broken = database.replace(/:\d+\//, ':1/');
  const failed = await home.fails('worker', { DATABASE_URL: broken });

  const { PerdureUser: _user, ...attributes } = description.searchAttributes as Record<string, unknown>;
  const told: Record<string, string | undefined> = {
    'the gateway’s log': gateway.output(),
    'the worker’s log': worker.output(),
    'the log of a worker without a store': failed.output,
    spans: receiver.text(),
    ...Object.fromEntries(metrics.map((text, index) => [`metrics ${index}`, text])),
    memo: JSON.stringify(description.memo ?? {}),
    'search attributes': JSON.stringify(attributes),
    summary: `${await description.staticSummary()} ${await description.staticDetails()}`,
    details: JSON.stringify(metadata),
  };
  const found = Object.entries(told).flatMap(([where, text = '']) =>
    [...text.matchAll(/.{0,60}(?:CANARY7391|Ada-Personal).{0,20}/g)].map(([leak]) => `${where}: ${leak}`),
  );
  expect(found).toEqual([]);
  // All of them were there to be searched.
  expect(told['the worker’s log']).toContain('Model call failed');
  expect(told['the gateway’s log']).toContain('Request answered');
  expect(told['spans']).toContain('execute_tool blurt');
  expect(told['metrics 2']).toContain('perdure_tool_calls_total{tool="unknown",outcome="failed"} 1');
  expect(failed.code).not.toBe(0);

  const leaks = history.filter(
    (event) =>
      textOf(event).includes(MARKER) &&
      !event.workflowExecutionUpdateAcceptedEventAttributes &&
      !event.workflowExecutionSignaledEventAttributes,
  );
  expect(leaks.map((event) => textOf(event).slice(0, 2_000))).toEqual([]);
  // A message that was sent over HTTP is only referred to.
  expect(history.filter((event) => textOf(event).includes(marked('message')))).toEqual([]);
}, 120_000);

async function fetchEvents(url: string): Promise<{ type: string }[]> {
  const response = await fetch(`${url}/v1/sessions/trip/events?after=0&limit=500`, {
    headers: { accept: 'application/json', authorization: `Bearer ${marked('token')}` },
  });
  return ((await response.json()) as { events: { type: string }[] }).events;
}
