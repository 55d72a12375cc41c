import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { CallContext } from '../../../contracts/session/call-context.ts';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import { callJson, eventsOf, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const FACE = pathToFileURL(fileURLToPath(new URL('../../../agents/index.ts', import.meta.url))).href;
/** Notes each call of its hooks in a file, and numbers what it decides, so that a second decision would be another one. */
const NUMBERED = `import { appendFileSync, readFileSync } from 'node:fs';
import { defineMiddleware } from '${FACE}';
const file = process.env.HOOK_CALLS;
const note = (hook) => {
  appendFileSync(file, hook + '\\n');
  return readFileSync(file, 'utf8').split('\\n').filter((line) => line === hook).length;
};
export const numbered = defineMiddleware({
  name: 'numbered',
  input: ({ messages }) => ({ change: { [messages[0].id]: 'decision ' + note('input') } }),
  output: ({ text }) => ({ text: text + ', checked ' + note('output') }),
});
`;

test('a process that is killed after the decision on a message goes on with that decision', async () => {
  const stub = await startStubModelServer();
  onTestFinished(() => stub.close());
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const folder = await temporaryFolder();
  const calls = join(folder, 'calls.log');
  await writeFile(join(folder, 'assistant.yaml'), 'name: assistant\nmiddleware: [numbered]\n');
  await writeFile(join(folder, 'numbered.ts'), NUMBERED);
  const home = perdureHome({
    DATABASE_URL: url,
    TEMPORAL_ADDRESS: temporal.address,
    OPENAI_BASE_URL: stub.baseUrl,
    OPENAI_API_KEY: 'key',
    PERDURE_MODEL: 'openai/stub-model',
    PERDURE_AGENTS: folder,
    HOOK_CALLS: calls,
  });
  const killed = await home.start();
  stub.enqueue({ misbehaves: 'hangs-before-headers' }, { text: 'answer' });
  const before: Caller = { url: killed.url, user: 'ann' };
  await callJson(before, 'POST', pathOf('s', 'messages'), { id: 'm', content: 'original' });
  await stub.received(1);
  await killed.kill9();
  const perdure = await home.start();
  const caller = { ...before, url: perdure.url };
  await readStream(caller, 's', {}, ({ event }) => endsRun(event.type));
  const events = await eventsOf(caller, 's');

  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'answer, checked 1' });
  expect(events.filter(({ type }) => type === 'input.decided')).toHaveLength(1);
  expect(await readFile(calls, 'utf8')).toBe('input\noutput\n');
  const bodies = stub.requests.map(({ body }) => JSON.stringify(body));
  expect(bodies).toEqual([expect.stringContaining('decision 1'), bodies[0]]);
  expect(bodies[0]).not.toContain('original');

  const run = events.flatMap((event) => (event.type === 'run.completed' ? event.runId : []))[0] ?? '';
  const { stdout } = await runCli(['context', 's', run], { PERDURE_URL: perdure.url, PERDURE_USER: 'ann' });
  expect(stdout).toMatch(/message m, changed by numbered.*\ndecision 1/);
  const context = await callJson<CallContext>(caller, 'GET', pathOf('s', 'runs', run, 'steps', '1', 'context'));
  expect(context.messages).toMatchObject([{ message: { content: 'decision 1' } }]);
  await perdure.stop();
}, 120_000);
