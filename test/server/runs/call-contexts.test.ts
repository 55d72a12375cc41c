import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import { callContextSchema, type CallContext } from '../../../contracts/session/call-context.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { ModelClient } from '../../../models/model-client.ts';
import { requestOf, type ModelContext } from '../../../models/model-context.ts';
import { createOpenAIChatClient } from '../../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../../models/openai/openai-responses.ts';
import type { Db } from '../../../store/db/db.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { SCHEMA, VALID } from '../../support/models/city-answer.ts';
import { startStubModelServer, type StubModelServer } from '../../support/models/stub-model-server.ts';
import { registry, startStack } from '../../support/stack.ts';
import { DATABASES, openTestDatabase } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const retry = { initialIntervalMs: 1, maxAttempts: 2 };
const AGENTS: readonly AgentSpec[] = [
  {
    name: 'assistant',
    instructions: 'Be brief.',
    tools: ['look_up'],
    temperature: 0.5,
    policy: { contextRuns: 2, retry },
  },
  { name: 'cities', output: { schema: SCHEMA }, policy: { budget: { sessionTokens: 1_000_000 } } },
];
const lookUp = defineTool({
  name: 'look_up',
  description: 'Looks a city up.',
  parameters: z.object({ city: z.string() }),
  idempotent: true,
  execute: ({ city }) => `${city} has 2.1 million people, "mostly" – 😀.`,
});
const looksUp = { toolCalls: [{ tool: 'look_up', arguments: { city: 'Paris' } }] };
const unavailable = { status: 503, body: { error: { message: 'Overloaded.' } } };
const refused = { status: 400, body: { error: { message: 'No.' } } };

/** Every call of the session's runs, in the order in which they were made. */
async function callsOf(db: Db, key: SessionKey): Promise<{ runId: string; step: number; attempt: number }[]> {
  const { data } = await listRuns(db, key, { limit: 50 });
  const runs = await Promise.all(data.map(({ id }) => readRun(db, key, id)));
  return runs
    .flatMap((run) => (run?.modelCalls ?? []).map((call) => ({ runId: run?.id ?? '', ...call })))
    .toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt) || a.attempt - b.attempt);
}

/** What the provider receives when it is sent a context. */
async function resent(stub: StubModelServer, client: ModelClient, context: CallContext): Promise<unknown> {
  const before = stub.requests.length;
  const request = requestOf(context as unknown as ModelContext, 'stub-model');
  await client.generate(request, { signal: AbortSignal.timeout(30_000), onDelta: () => {} });
  return stub.requests[before]?.body;
}

const APIS = [
  ['Chat Completions', createOpenAIChatClient],
  ['Responses', createOpenAIResponsesClient],
] as const;

test.each(DATABASES.flatMap((kind) => APIS.map(([api, create]) => [kind, api, create] as const)))(
  'on %s and through %s, the context of every call is what the provider received, also under other settings and after an import',
  async (kind, _api, create) => {
    const stub = await startStubModelServer();
    onTestFinished(() => stub.close());
    const client = create({ provider: 'stub', baseUrl: stub.baseUrl, apiKey: null });
    const model = { defaultModel: 'stub/stub-model', resolve: () => ({ client, model: 'stub-model' }) };
    const database = await openTestDatabase(kind);
    onTestFinished(() => database.close());
    const { db } = database;
    const temporal = await testTemporal();
    await using stack = await startStack({ temporal, model, agents: AGENTS, tools: [lookUp], db });
    const key = stack.key();
    const turns: [string, ...Parameters<StubModelServer['enqueue']>][] = [
      ['How big is Paris?', looksUp, { text: 'Big.' }],
      ['And London?', unavailable, { text: 'Bigger.' }],
      ['And Rome?', refused],
      ['And Berlin?', looksUp, { text: 'Smaller.' }],
    ];
    let ended = 0;
    for (const [content, ...replies] of turns) {
      stub.enqueue(...replies);
      await stack.sender.submit(key, { content });
      await stack.ended(key, (ended += 1));
    }
    // The third run comes after the fourth from now on.
    stub.enqueue({ text: 'Sunny.' });
    const { data } = await listRuns(db, key, { limit: 50 });
    const failed = data.find(({ status }) => status === 'failed');
    await stack.sender.resume(key, { runId: failed?.id ?? '' });
    await stack.ended(key, (ended += 1));
    stub.enqueue({ text: 'None.' });
    await stack.sender.submit(key, { content: 'And Atlantis?' });
    await stack.ended(key, (ended += 1));

    const cities = { ...key, session: 'cities' };
    stub.enqueue({ text: 'No JSON' }, { text: VALID });
    await stack.sender.submit(cities, { content: 'How big is Paris?', agent: 'cities' });
    await stack.ended(cities);

    const received = stub.requests.map(({ body }) => body);
    stub.behave(() => ({ text: 'ok' }));
    const checked = async (at: Db, session: SessionKey, bodies: readonly unknown[]) => {
      // Deployed since: other settings, and another version of the agents.
      const deployment = { policy: { contextRuns: 9 } };
      const agents = registry([{ name: 'assistant', instructions: 'Be long.' }, { name: 'cities' }], []);
      const gateway = createGateway({ ...stack, db: at, agents, deployment });
      const calls = await callsOf(at, session);
      expect(calls).toHaveLength(bodies.length);
      for (const [index, { runId, step, attempt }] of calls.entries()) {
        const path = `/v1/sessions/${session.session}/runs/${runId}/steps/${step}/context?attempt=${attempt}`;
        const response = await gateway.app.request(path, { headers: { 'perdure-user': session.user } });
        const context = callContextSchema.parse(await response.json());
        expect(context.recorded).toBe(true);
        expect(await resent(stub, client, context)).toEqual(bodies[index]);
      }
      await gateway.close();
    };
    const ofCities = received.slice(-2);
    await checked(db, key, received.slice(0, -2));
    await checked(db, cities, ofCities);

    const other = await openTestDatabase(kind);
    onTestFinished(() => other.close());
    for (const session of [key, cities]) await importDocument(other.db, session, await exportOf(db, session));
    await checked(other.db, key, received.slice(0, -2));
    await checked(other.db, cities, ofCities);
  },
  120_000,
);
