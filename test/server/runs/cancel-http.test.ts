import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { callJson, distribution, eventsOf, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { rawPayload, rawSignal } from '../../support/temporal/raw-temporal.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';

const SAID = 'Once upon a time';

test("a cancel by HTTP and by raw signal closes the model's HTTP request, and the text that had come is kept as partial", async () => {
  const model = await startStubModelServer();
  onTestFinished(() => model.close());
  model.behave(() => ({ misbehaves: 'hangs-mid-stream', text: SAID }));
  const home = perdureHome({
    OPENAI_BASE_URL: model.baseUrl,
    OPENAI_API_KEY: 'none',
    PERDURE_MODEL: 'openai/stub-model',
  });
  const perdure = await home.start();
  const temporal = await temporalOf(home.dataDir);
  const caller: Caller = { url: perdure.url, user: 'ann' };
  const times = { http: [] as number[], signal: [] as number[] };
  for (let round = 0; round < 20; round += 1) {
    const way = round % 2 === 0 ? 'http' : 'signal';
    const session = `s${round}`;
    const runId = await untilSaid(caller, session);
    const request = await model.received(round + 1);
    expect(request.aborted()).toBe(false);
    const began = Date.now();
    if (way === 'http') await callJson(caller, 'POST', pathOf(session, 'runs', runId, 'cancel'), {});
    else await rawSignal(temporal, `ann:${session}`, 'cancelRun', [rawPayload(JSON.stringify({ runId }))]);
    expect(await request.closed).toBe('aborted');
    times[way].push((request.closedAt() ?? Infinity) - began);
    await readStream(caller, session, {}, ({ event }) => event.type === 'run.cancelled');
    expect((await eventsOf(caller, session)).slice(-2)).toEqual([
      expect.objectContaining({ type: 'message.completed', runId, text: SAID, partial: true, finish: 'cancelled' }),
      expect.objectContaining({ type: 'run.cancelled', runId, reason: 'cancelled' }),
    ]);
  }
  // A cancelled call is not made again.
  expect(model.requests).toHaveLength(20);
  console.log(
    `From a cancel to the end of the model's HTTP request (aim: p95 of 250 ms)\n` +
      `  all:           ${distribution([...times.http, ...times.signal])}\n` +
      `  by HTTP:       ${distribution(times.http)}\n  by raw signal: ${distribution(times.signal)}`,
  );
  await perdure.stop();
}, 120_000);

/** Delivers a message; resolves with its run when the caller has read all that the model says before it hangs. */
async function untilSaid(caller: Caller, session: string): Promise<string> {
  const { runId } = await callJson<{ runId: string }>(caller, 'POST', pathOf(session, 'messages'), {
    content: 'hello',
  });
  let text = '';
  await readStream(caller, session, {}, ({ event }) => {
    if (event.type === 'message.delta') text = text.slice(0, event.offset) + event.delta;
    return text === SAID;
  });
  return runId;
}

/** A client of the embedded server, as any Temporal client could be one. */
async function temporalOf(dataDir: string): Promise<Client> {
  const { server } = JSON.parse(readFileSync(join(dataDir, 'lock'), 'utf8')) as { server: { address: string } };
  const connection = await Connection.connect({ address: server.address });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}
