import { expect, test } from 'vitest';
import { beginStep } from '../../store/steps/begin-step.ts';
import { commitStep } from '../../store/steps/commit-step.ts';
import { createLog } from '../../telemetry/log.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { startGateway } from './start-gateway.ts';

const database = embeddedDatabase();

/** A gateway with telemetry of its own: the sender of these tests stands for a worker, whose commits are not the gateway's. */
function observed(options: Parameters<typeof startGateway>[1] = {}) {
  const lines: { msg: string; code?: string; agent?: string }[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  const telemetry = createTelemetry({ log });
  const metrics = async (name: string) =>
    [...(await telemetry.metrics.scrape()).text.matchAll(new RegExp(`^${name}\\{.*$`, 'gm'))].map(([line]) => line);
  return { ...startGateway(database.db, { telemetry, ...options }), lines, metrics };
}

test('an open run that an import cancels is counted once, under its agent', async () => {
  const { call, lines, metrics } = observed();
  await call('POST', '/v1/sessions/import-me/messages', { content: 'Hello.' });
  const document = await (await call('GET', '/v1/sessions/import-me/export')).json();
  expect(await metrics('perdure_runs_total')).toEqual([]);

  expect((await call('POST', '/v1/sessions/import?id=imported', document)).status).toBe(201);

  expect(await metrics('perdure_runs_total')).toEqual(['perdure_runs_total{agent="assistant",outcome="cancelled"} 1']);
  expect(lines.map(({ msg, code, agent }) => [msg, code, agent])).toEqual([
    ['Run cancelled', 'imported', 'assistant'],
    ['Session recovered', 'imported', 'assistant'],
  ]);
});

test('an open run and its calls are counted once when their session is archived', async () => {
  const { db } = database;
  const dice = { name: 'assistant', instructions: 'Help.', tools: ['dice'] };
  const { call, lines, metrics } = observed({
    agents: {
      defaultAgent: 'assistant',
      list: () => [dice],
      agent: (name) => (name === 'assistant' ? { hash: 'v1', spec: dice, tools: [] } : undefined),
    },
  });
  const sent = await call('POST', '/v1/sessions/archive-me/messages', { content: 'Hello.' });
  const { runId } = (await sent.json()) as { runId: string };
  const key = { user: 'local', session: 'archive-me' };
  const begun = await beginStep(db, key, { runId, pin: () => ({ hash: 'v1', model: 'test/one' }) });
  if (begun.kind !== 'model') throw new Error(`The run is at ${begun.kind}.`);
  const asked = { arguments: {}, refused: null, idempotent: true, inPlace: false };
  await commitStep(db, key, {
    runId,
    step: begun.step,
    attempt: begun.attempt,
    reply: { text: '', reasoning: '', finish: 'tool_calls', usage: null, model: 'one' },
    toolCalls: [
      { callId: 'c1', tool: 'dice', ...asked },
      { callId: 'c2', tool: 'made_up', ...asked },
    ],
    throughSeq: begun.throughSeq,
    firstTokenMs: 1,
    durationMs: 2,
    completes: false,
  });

  expect((await call('DELETE', '/v1/sessions/archive-me?archive=true')).status).toBe(204);

  expect(await metrics('perdure_runs_total')).toEqual(['perdure_runs_total{agent="assistant",outcome="cancelled"} 1']);
  // A name that no agent's tool has may be content.
  expect(await metrics('perdure_tool_calls_total')).toEqual([
    'perdure_tool_calls_total{tool="dice",outcome="cancelled"} 1',
    'perdure_tool_calls_total{tool="unknown",outcome="cancelled"} 1',
  ]);
  expect(lines.map(({ msg }) => msg)).toEqual(['Run cancelled']);
});
