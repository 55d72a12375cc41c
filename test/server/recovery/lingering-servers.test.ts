import { expect, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { callJson, eventsOf, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const SESSIONS = Array.from({ length: 8 }, (_, n) => `s${n}`);

async function send(caller: Caller, id: string, content: string): Promise<void> {
  await callJson(caller, 'POST', pathOf(id, 'messages'), { id: content, content });
}

/** Resolves with the outputs of the session's runs once this many have completed. */
async function outputs(caller: Caller, id: string, runs: number): Promise<string[]> {
  let completed = 0;
  await readStream(caller, id, {}, ({ event }) => {
    if (event.type === 'run.completed') completed += 1;
    return completed >= runs;
  });
  const events = await eventsOf(caller, id);
  return events.flatMap((event) => (event.type === 'run.completed' && event.output !== null ? [event.output] : []));
}

test(
  'messages that are sent while a lingering worker is killed are answered once, in order, by another one',
  { timeout: 120_000 },
  async () => {
    const { home } = await startDeployment();
    const gateway = await home.start('gateway');
    const worker = await home.start('worker');
    await Promise.all(SESSIONS.map((id) => send(callerOf(gateway, id), id, '@echo=one')));
    for (const id of SESSIONS) expect(await outputs(callerOf(gateway, id), id, 1)).toEqual(['one']);
    await home.start('worker');
    // Half of the messages are admitted to servers that live, the others to ones that are dead and not yet found to be lost.
    await Promise.all(SESSIONS.slice(0, 4).map((id) => send(callerOf(gateway, id), id, '@echo=two')));
    await worker.kill9();
    await Promise.all(SESSIONS.slice(4).map((id) => send(callerOf(gateway, id), id, '@echo=two')));
    for (const id of SESSIONS) expect(await outputs(callerOf(gateway, id), id, 2)).toEqual(['one', 'two']);
  },
);

test.for(['terminate', 'cancel'] as const)(
  'a %s in Temporal stops the model call of a session that is being served',
  { timeout: 60_000 },
  async (command) => {
    const held = heldModel();
    await using stack = await startStack({ temporal: await testTemporal(), model: held.model });
    const key = stack.key();
    await stack.sender.signal(key, { content: 'hold it' });
    const call = await held.call('hold it');
    await stack.client.workflow.getHandle(workflowIdOf(key))[command]();
    await call.aborted;
    expect(call.signal.aborted).toBe(true);
  },
);
