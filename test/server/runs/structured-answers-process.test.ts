import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createPerdure, InvalidAnswerError, RunNotCompletedError } from '../../../client/index.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import type { RunDetail } from '../../../contracts/session/run.ts';
import { call, callJson, eventsOf, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { PARIS, SCHEMA, VALID } from '../../support/models/city-answer.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A home on PostgreSQL whose model is a stub outside of its processes. */
async function servedHome() {
  const stub = await startStubModelServer();
  onTestFinished(() => stub.close());
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const env = { DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address, OPENAI_BASE_URL: stub.baseUrl };
  return { stub, home: perdureHome({ ...env, OPENAI_API_KEY: 'key', PERDURE_MODEL: 'openai/stub-model' }) };
}

async function endOf(caller: Caller, session: string): Promise<PerdureEvent[]> {
  await readStream(caller, session, {}, ({ event }) => endsRun(event.type));
  return eventsOf(caller, session);
}

const repairsIn = (events: readonly PerdureEvent[]) =>
  events.flatMap((event) =>
    event.type === 'message.completed' ? [event.rejected === undefined ? 'valid' : event.rejected.repair] : [],
  );

test('a process that is killed between a wrong answer and its repair goes on, with two repairs in all', async () => {
  const { stub, home } = await servedHome();
  const killed = await home.start();
  const before: Caller = { url: killed.url, user: 'ann' };
  stub.enqueue({ text: 'no JSON' }, { misbehaves: 'hangs-before-headers' }, { text: '{}' }, { text: '{"city":1}' });
  await callJson(before, 'POST', pathOf('s', 'messages'), { content: 'Paris?', output: { schema: SCHEMA } });
  await stub.received(2);
  await killed.kill9();
  const perdure = await home.start();
  const events = await endOf({ ...before, url: perdure.url }, 's');

  expect(repairsIn(events)).toEqual([1, 2, null]);
  expect(events.at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'invalid_output' }, steps: 3 });
  // The second request was lost with its process, and made again.
  expect(stub.requests).toHaveLength(4);
  expect(stub.requests[2]?.body['messages'] ?? stub.requests[2]?.body['input']).toEqual(
    stub.requests[1]?.body['messages'] ?? stub.requests[1]?.body['input'],
  );
  await perdure.stop();
}, 120_000);

test('over HTTP, in the client and on the command line, the answer is an object', async () => {
  const { stub, home } = await servedHome();
  const { url } = await home.start();
  const caller: Caller = { url, user: 'ann' };
  stub.behave(() => ({ text: VALID }));

  const message = { id: 'm', content: 'Paris?', output: { schema: SCHEMA } };
  const waited = await callJson<{ run: { id: string } }>(caller, 'POST', pathOf('s', 'messages'), message, {
    prefer: 'wait=30',
  });
  expect(waited).toMatchObject({ status: 'completed', answer: VALID, object: PARIS, run: { object: PARIS } });
  expect(await callJson(caller, 'GET', pathOf('s', 'messages', 'm'))).toMatchObject({ object: PARIS });
  const run = await callJson<RunDetail>(caller, 'GET', pathOf('s', 'runs', waited.run.id));
  expect(run).toMatchObject({ output: VALID, object: PARIS });
  const listed = await callJson<{ data: object[] }>(caller, 'GET', '/v1/runs');
  expect(listed.data.map((one) => 'object' in one)).toEqual([false]);

  const refused = await call(caller, 'POST', pathOf('s', 'messages'), {
    content: 'x',
    output: { schema: { type: 'object', properties: { a: { $ref: 'https://example.com/a.json' } } } },
  });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    code: 'invalid_request',
    detail: expect.stringMatching(/output\.schema\.properties\.a\.\$ref.*"#\/\$defs\/…"/) as string,
  });

  const perdure = createPerdure({ gateway: url, user: 'ann' });
  const City = z.object({ city: z.string(), population: z.int().transform((people) => people / 1_000_000) });
  const answer = await perdure.session('s').ask('And now?', { schema: City });
  expect(answer.object.population.toFixed(1)).toBe('2.1');
  const oneOff = await perdure.run('Once', { schema: City });
  expect((await oneOff.answer()).object.city).toBe('Paris');
  const picky = City.refine(({ city }) => city === 'Rome', 'must be Rome');
  await expect(perdure.session('s').ask('Rome?', { schema: picky })).rejects.toBeInstanceOf(InvalidAnswerError);
  const other = z.object({ other: z.string() });
  const failed = await perdure
    .session('s')
    .ask('Other?', { schema: other })
    .catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(RunNotCompletedError);
  expect(failed).toMatchObject({ code: 'invalid_output' });

  const folder = await temporaryFolder();
  const file = join(folder, 'city.json');
  await writeFile(file, JSON.stringify(SCHEMA));
  const env = { PERDURE_URL: url, PERDURE_USER: 'ann' };
  for (const command of [['run'], ['send', '--session', 's', '--wait']]) {
    const { code, stdout } = await runCli([...command, '--schema', file, 'Paris?'], env);
    expect({ code, object: JSON.parse(stdout) as unknown }).toEqual({ code: 0, object: PARIS });
  }
  await writeFile(file, JSON.stringify({ type: 'object', required: 'city' }));
  const invalid = await runCli(['run', '--schema', file, 'Paris?'], env);
  expect(invalid).toMatchObject({ code: 2, stdout: '' });
  expect(invalid.stderr).toContain(`The schema ${file} is not valid: required must be a list of strings.`);

  const document = await callJson<object>(caller, 'GET', pathOf('s', 'export'));
  await callJson(caller, 'POST', '/v1/sessions/import', { ...document, id: 'copy' });
  const copied = await callJson<RunDetail>(caller, 'GET', pathOf('copy', 'runs', waited.run.id));
  expect(copied).toMatchObject({ output: VALID, object: PARIS });
  const eventsAt = async (session: string) =>
    (await eventsOf(caller, session)).flatMap((event) =>
      'runId' in event ? [{ ...event, sessionId: '', seq: 0 }] : [],
    );
  expect(await eventsAt('copy')).toEqual(await eventsAt('s'));
}, 120_000);
