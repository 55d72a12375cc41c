import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import {
  call,
  callJson,
  eventsOf,
  firstFrame,
  pathOf,
  readStream,
  type Caller,
} from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

// Starts a process, which takes seconds of a processor.
vi.setConfig({ testTimeout: 180_000 });

const FACE = new URL('../../../agents/index.ts', import.meta.url).href;
const ZOD = import.meta.resolve('zod');

/** An agent with a tool that waits for the file `gate`, and one that returns what the module `lib/taste.ts` exports. */
const tutor = (description: string, gate: string): string => `import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from '${ZOD}';
import { defineAgent, defineTool } from '${FACE}';
import { taste } from './lib/taste.ts';
const parameters = z.strictObject({});
const wait = defineTool({
  name: 'wait', description: 'Waits.', parameters, idempotent: true,
  execute: async (_, { signal }) => {
    while (!existsSync(${JSON.stringify(gate)})) await sleep(20, undefined, { signal });
  },
});
const tasteIt = defineTool({
  name: 'taste', description: '${description}', parameters, idempotent: true, timeoutMs: 5_000, execute: () => taste,
});
export const agent = defineAgent({ name: 'tutor', tools: [wait, tasteIt] });
`;

/** The agents that the gateway lists: name to instructions and version. */
interface Listed {
  readonly hash: string;
  readonly spec: { readonly instructions?: string };
}

test('agents are reloaded when their files change: new runs take the new version, a run in progress keeps its own, and files that are not valid change nothing', async () => {
  const folder = await temporaryFolder();
  const agentsDir = join(folder, 'agents');
  const gate = join(folder, 'gate');
  /** As editors save: written beside, and moved into place. */
  const save = async (path: string, content: string): Promise<void> => {
    await writeFile(join(folder, 'saving'), content);
    await rename(join(folder, 'saving'), join(folder, path));
  };
  await mkdir(join(agentsDir, 'lib'), { recursive: true });
  await save('agents/assistant.yaml', 'name: assistant\ninstructions: Be brief.\n');
  await save('agents/tutor.ts', tutor('Tastes.', gate));
  await save('agents/lib/taste.ts', "export const taste: string = 'old';\n");
  await save('perdure.yaml', 'policy: { maxSteps: 10 }\n');
  const home = perdureHome({ PERDURE_AGENTS: agentsDir, PERDURE_CONFIG: join(folder, 'perdure.yaml') });
  const perdure = await home.start();
  const caller: Caller = { url: perdure.url, user: 'ann' };
  const listed = (name: string) => callJson<Listed>(caller, 'GET', `/v1/agents/${name}`);
  const ask = (session: string, agent: string, content: string) =>
    callJson(caller, 'POST', pathOf(session, 'messages'), { content, agent }, { prefer: 'wait=30' });
  const started = async (session: string) =>
    (await eventsOf(caller, session)).find(({ type }) => type === 'run.started') as Extract<
      PerdureEvent,
      { type: 'run.started' }
    >;

  // An agent in YAML: the next run has the new version, and the gateway lists it.
  const before = await listed('assistant');
  await save('agents/assistant.yaml', 'name: assistant\ninstructions: Be verbose.\n');
  await perdure.says(/^agents: reloaded assistant \([0-9a-f]{8}\)$/m);
  const after = await listed('assistant');
  expect([before.spec.instructions, after.spec.instructions]).toEqual(['Be brief.', 'Be verbose.']);
  await ask('s1', 'assistant', '@echo=hi');
  expect((await started('s1')).agentVersion).toBe(after.hash);

  // A run that is in the middle of a tool call while its agent changes.
  const content = '@tool=wait:{} @then @tool=taste:{} @then @echo=done';
  const old = await listed('tutor');
  await callJson(caller, 'POST', pathOf('s2', 'messages'), { content, agent: 'tutor' });
  await firstFrame(caller, 's2', ({ type }) => type === 'tool.called');
  await save('agents/tutor.ts', tutor('Tastes again.', gate));
  await perdure.says(/^agents: reloaded tutor \(/m);
  await save('agents/lib/taste.ts', "export const taste: string = 'new';\n");
  await perdure.says(/^agents: reloaded the code of lib\/taste\.ts$/m);
  const next = await listed('tutor');
  expect(next.hash).not.toBe(old.hash);
  expect(existsSync(gate)).toBe(false);
  await writeFile(gate, '');
  await readStream(caller, 's2', {}, ({ event }) => event.type === 'run.completed');
  expect((await started('s2')).agentVersion).toBe(old.hash);
  expect(await tasted(caller, 's2')).toEqual(['old']);
  // The next run, in the same session too, has the new one.
  await ask('s3', 'tutor', content);
  expect((await started('s3')).agentVersion).toBe(next.hash);
  expect(await tasted(caller, 's3')).toEqual(['new']);
  await ask('s2', 'tutor', content);
  expect(await tasted(caller, 's2')).toEqual(['old', 'new']);

  // Files that are not valid: reported with their place, and the last valid agents stay in use.
  await save('agents/assistant.yaml', 'name: assistant\ninstruction: Oops.\n');
  await perdure.says(
    /^agents: not reloaded.*\n +\S*assistant\.yaml:2:1 +instruction: .*did you mean "instructions"\?$/m,
  );
  expect(await listed('assistant')).toEqual(after);
  await ask('s4', 'assistant', '@echo=hi');
  expect((await started('s4')).agentVersion).toBe(after.hash);
  // Valid, but its provider keeps no conversations.
  await save('agents/assistant.yaml', 'name: assistant\nmodel: openai/x\nhistory: service\n');
  await perdure.says(/^agents: not reloaded.* Agents set history: service.* "assistant" \(openai\/x\)\./m);
  expect(await listed('assistant')).toEqual(after);
  await save('agents/assistant.yaml', 'name: assistant\ninstructions: Be kind.\n');
  await save('agents/helper.yaml', 'name: helper\n');
  await expect.poll(async () => (await call(caller, 'GET', '/v1/agents/helper')).status).toBe(200);
  expect((await listed('assistant')).spec.instructions).toBe('Be kind.');

  await save('perdure.yaml', 'policy: { maxSteps: 5 }\n');
  await perdure.says(/perdure\.yaml: changed; restart Perdure to apply it$/m);
  expect(perdure.output().match(/not reloaded/g)).toHaveLength(2);
  await perdure.stop();
});

test('a syntax error in a module, or in one that it imports, keeps the last valid agents, and is reported with file and line', async () => {
  const agentsDir = join(await temporaryFolder(), 'agents');
  const write = (path: string, content: string) => writeFile(join(agentsDir, path), content);
  await mkdir(join(agentsDir, 'lib'), { recursive: true });
  await write('tutor.ts', tutor('Tastes.', 'none'));
  await write('lib/taste.ts', "export const taste: string = 'old';\n");
  const perdure = await perdureHome({ PERDURE_AGENTS: agentsDir }).start();
  const caller: Caller = { url: perdure.url, user: 'ann' };
  const ask = (session: string) =>
    callJson(
      caller,
      'POST',
      pathOf(session, 'messages'),
      { content: '@tool=taste:{} @then @echo=done', agent: 'tutor' },
      { prefer: 'wait=30' },
    );

  await write('broken.ts', 'export const x = {\n  a: 1,,\n};\n');
  await perdure.says(/^agents: not reloaded.*\n +\S*broken\.ts:2:\d+ +the module cannot be loaded: /m);
  await ask('s1');
  expect(await tasted(caller, 's1')).toEqual(['old']);
  await rm(join(agentsDir, 'broken.ts'));
  await perdure.says(/^agents: reloaded the code of broken\.ts$/m);

  await write('lib/taste.ts', '// A comment.\nexport const taste: string = ((;\n');
  await perdure.says(/^agents: not reloaded.*\n +\S*lib\/taste\.ts:2:\d+ +the module cannot be loaded: /m);
  await ask('s2');
  expect(await tasted(caller, 's2')).toEqual(['old']);
  await write('lib/taste.ts', "export const taste: string = 'mended';\n");
  await perdure.says(/^agents: reloaded the code of lib\/taste\.ts$/m);
  await ask('s3');
  expect(await tasted(caller, 's3')).toEqual(['mended']);

  await rename(join(agentsDir, 'tutor.ts'), join(agentsDir, 'teacher.ts'));
  await perdure.says(/^agents: reloaded the code of teacher\.ts, tutor\.ts$/m);
  await ask('s4');
  expect(await tasted(caller, 's4')).toEqual(['mended']);
  await perdure.stop();
});

/** What the tool `taste` returned in a session, in order. */
async function tasted(caller: Caller, session: string): Promise<unknown[]> {
  const events = await eventsOf(caller, session);
  return events.flatMap((event) => (event.type === 'tool.completed' && event.tool === 'taste' ? [event.result] : []));
}
