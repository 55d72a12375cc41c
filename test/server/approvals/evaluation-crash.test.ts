import { expect, onTestFinished, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { RunDetail } from '../../../contracts/session/run.ts';
import { callJson, eventsOf, pathOf } from '../../support/gateway/http-calls.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { startPostgres } from '../../support/store/postgres-server.ts';

const USER = 'ann';
const APPROVED = JSON.stringify({ decision: 'approve', confidence: 1, reason: 'By the criteria.' });

const USAGE = { inputTokens: 123, outputTokens: 10, cachedTokens: 0, reasoningTokens: 0 };

const isEvaluation = (body: Record<string, unknown>): boolean => JSON.stringify(body).includes('Criteria:');

test.each(['the embedded store', 'PostgreSQL'])(
  'on %s, an evaluation whose process is killed is charged once, is made once again, and its call is executed once',
  { timeout: 240_000 },
  async (store) => {
    const provider = await startStubModelServer();
    onTestFinished(() => provider.close());
    const env: Record<string, string> = { OPENAI_BASE_URL: provider.baseUrl, OPENAI_API_KEY: 'test' };
    if (store === 'PostgreSQL') {
      const postgres = await startPostgres({ durable: true });
      onTestFinished(() => postgres.stop());
      env['DATABASE_URL'] = postgres.url;
    }
    let hangs = true;
    provider.behave((body) => {
      if (isEvaluation(body)) return hangs ? { misbehaves: 'hangs-before-headers' } : { text: APPROVED, usage: USAGE };
      const messages = body['messages'] as { readonly role: string }[];
      return messages.at(-1)?.role === 'tool'
        ? { text: 'done' }
        : { toolCalls: [{ tool: 'act', arguments: { mark: 'one' } }] };
    });
    const home = perdureHome(env);
    let perdure = await home.start();
    const caller = () => ({ url: perdure.url, user: USER });
    await callJson(caller(), 'POST', pathOf('s', 'messages'), { content: 'Go.', agent: 'judged' });
    await expect
      .poll(() => provider.requests.filter(({ body }) => isEvaluation(body)).length, { timeout: 60_000 })
      .toBe(1);
    await perdure.kill9();
    hangs = false;
    perdure = await home.start();
    let events: PerdureEvent[] = [];
    await expect
      .poll(async () => (events = await eventsOf(caller(), 's')).some(({ type }) => type === 'run.completed'), {
        timeout: 90_000,
      })
      .toBe(true);
    expect(home.effects()).toMatchObject([{ tool: 'act', mark: 'one', attempt: 1 }]);
    expect(events.filter(({ type }) => type === 'approval.requested')).toEqual([]);
    const started = events.find((event) => event.type === 'run.started');
    const runId = started?.type === 'run.started' ? started.runId : '';
    const { modelCalls } = await callJson<RunDetail>(caller(), 'GET', pathOf('s', 'runs', runId));
    const evaluations = modelCalls.filter(({ kind }) => kind === 'approval');
    // What the lost one has cost is not known, and charged as an estimate; the other one as it is.
    expect(evaluations.map(({ outcome, usage }) => [outcome, usage.inputTokens])).toEqual([
      ['lost', null],
      ['completed', USAGE.inputTokens],
    ]);
    expect(evaluations[0]?.estimate?.inputTokens).toBeGreaterThan(0);
    expect(provider.requests.filter(({ body }) => isEvaluation(body))).toHaveLength(2);
    await perdure.stop();
  },
);
