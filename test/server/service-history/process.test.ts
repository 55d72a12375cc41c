import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import { codeBlocks, read } from '../../docs/documents.ts';
import { callJson, eventsOf, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { startConversationServer } from '../../support/models/conversation-server.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** The agent of the page. */
const AGENT = codeBlocks(read('docs/capabilities/history.md'))[0]?.code ?? '';

test('the conversation at the provider goes on after a process was killed before it had its reply', async () => {
  const server = await startConversationServer({ reply: (seen) => ({ text: `Answer to ${seen.length} items.` }) });
  onTestFinished(() => server.close());
  const agents = await temporaryFolder();
  await writeFile(join(agents, 'clerk.yaml'), AGENT);
  const home = perdureHome({ PERDURE_AGENTS: agents, OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: 'key' });
  const killed = await home.start();
  const before: Caller = { url: killed.url, user: 'ann' };
  const wait = { prefer: 'wait=30' };
  await callJson(before, 'POST', pathOf('s', 'messages'), { content: 'One', agent: 'clerk' }, wait);
  server.refuse('loses-reply');
  await callJson(before, 'POST', pathOf('s', 'messages'), { content: 'Two' });
  await server.received(2);
  await killed.kill9();

  const perdure = await home.start();
  const caller: Caller = { ...before, url: perdure.url };
  let ends = 0;
  await readStream(caller, 's', {}, ({ event }) => endsRun(event.type) && ++ends === 2);
  await callJson(caller, 'POST', pathOf('s', 'messages'), { content: 'Three' }, wait);
  const events: PerdureEvent[] = await eventsOf(caller, 's');

  expect(events.filter(({ type }) => type === 'context.rebuilt')).toEqual([]);
  expect(server.calls.map(({ body }) => body['previous_response_id'])).toEqual([
    undefined,
    server.calls[0]?.id,
    server.calls[0]?.id,
    server.calls[2]?.id,
  ]);
  expect(server.calls.at(-1)?.seen).toEqual([
    'user: One',
    'assistant: Answer to 1 items.',
    'user: Two',
    'assistant: Answer to 3 items.',
    'user: Three',
  ]);

  const run = events.findLast((event) => event.type === 'run.completed')?.runId ?? '';
  const shown = await runCli(['context', 's', run], { PERDURE_URL: perdure.url, PERDURE_USER: 'ann' });
  expect(shown.stdout).toContain(`up to the reply of step 1 of run`);
  expect(shown.stdout).toContain(`(response ${server.calls[2]?.id})`);
  server.forget();
  await callJson(caller, 'POST', pathOf('s', 'messages'), { content: 'Four' }, wait);
  const listed = await runCli(['events', 's'], { PERDURE_URL: perdure.url, PERDURE_USER: 'ann' });
  expect(listed.stdout).toContain('context.rebuilt');
  await perdure.stop();
}, 180_000);
