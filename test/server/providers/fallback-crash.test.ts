import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { SessionSnapshot } from '../../../contracts/session/session.ts';
import { callJson, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const QUOTA = { status: 429, body: { error: { code: 'insufficient_quota' } } };

/** Processes whose agent asks the model `first/large`, then `second/small`. */
async function processes(limits = '') {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const [first, second] = await Promise.all([startStubModelServer(), startStubModelServer()]);
  onTestFinished(async () => void (await Promise.all([first.close(), second.close()])));
  const folder = await temporaryFolder();
  const config = join(await temporaryFolder(), 'perdure.yaml');
  await writeFile(
    config,
    `providers:
  first: { baseUrl: '${first.baseUrl}', apiKeyEnv: FIRST_KEY, api: responses }
  second: { baseUrl: '${second.baseUrl}', headers: { x-key: { env: SECOND_KEY } }${limits} }
`,
  );
  await writeFile(join(folder, 'assistant.yaml'), 'name: assistant\nmodel: [first/large, second/small]\n');
  await writeFile(join(folder, 'holder.yaml'), 'name: holder\nmodel: second/small\n');
  const home = perdureHome({
    DATABASE_URL: url,
    TEMPORAL_ADDRESS: temporal.address,
    PERDURE_CONFIG: config,
    PERDURE_AGENTS: folder,
    FIRST_KEY: 'one',
    SECOND_KEY: 'two',
  });
  const gateway = await home.start('gateway');
  const ann: Caller = { url: gateway.url, user: 'ann' };
  const send = (session: string, agent: string) =>
    callJson<{ runId: string }>(ann, 'POST', pathOf(session, 'messages'), { content: 'hello', agent });
  const answered = async (session: string, runId: string) => {
    await readStream(ann, session, {}, ({ event }) => event.type === 'run.completed' || event.type === 'run.failed');
    return await callJson<RunDetail>(ann, 'GET', pathOf(session, 'runs', runId));
  };
  return { home, gateway, first, second, ann, send, answered };
}

const triesOf = ({ modelCalls }: RunDetail) => modelCalls.map(({ model, outcome }) => [model, outcome]);

test(
  'a worker that is killed in the middle of the second try: the second model is asked again, and the first is not',
  { timeout: 150_000 },
  async () => {
    const { home, gateway, first, second, send, answered } = await processes();
    const killed = await home.start('worker');
    first.enqueue(QUOTA);
    second.enqueue({ misbehaves: 'hangs-mid-stream', text: 'Half of it' }, { text: 'The whole of it' });
    const { runId } = await send('main', 'assistant');
    await second.received(1);
    const worker = await home.start('worker');
    await killed.kill9();
    const run = await answered('main', runId);
    expect(run).toMatchObject({ status: 'completed', output: 'The whole of it', answerModel: 'second/small' });
    expect(triesOf(run)).toEqual([
      ['first/large', 'failed'],
      ['second/small', 'lost'],
      ['second/small', 'completed'],
    ]);
    expect(first.requests).toHaveLength(1);
    expect([first.requests[0]?.headers['authorization'], second.requests[0]?.headers['x-key']]).toEqual([
      'Bearer one',
      'two',
    ]);
    await worker.stop();
    await gateway.stop();
  },
);

test(
  'a worker that is killed between the two tries: the next one asks the second model',
  { timeout: 150_000 },
  async () => {
    const { home, gateway, first, second, ann, send, answered } = await processes(', concurrency: 1');
    const killed = await home.start('worker');
    // Holds the only slot of the second provider, so that the run waits between its tries.
    second.enqueue({ misbehaves: 'hangs-mid-stream', text: 'Held' }, { text: 'Released' }, { text: 'Now' });
    const holder = await send('holder', 'holder');
    await second.received(1);
    first.enqueue(QUOTA);
    const { runId } = await send('main', 'assistant');
    await expect
      .poll(async () => (await callJson<SessionSnapshot>(ann, 'GET', pathOf('main'))).waitingFor, { timeout: 20_000 })
      .toMatchObject({ what: 'rate_limit', who: 'the provider second' });
    const worker = await home.start('worker');
    await killed.kill9();
    const [run, held] = await Promise.all([answered('main', runId), answered('holder', holder.runId)]);
    expect([run, held]).toMatchObject([{ status: 'completed', answerModel: 'second/small' }, { status: 'completed' }]);
    expect(triesOf(run)).toEqual([
      ['first/large', 'failed'],
      ['second/small', 'completed'],
    ]);
    expect(first.requests).toHaveLength(1);
    await worker.stop();
    await gateway.stop();
  },
);
