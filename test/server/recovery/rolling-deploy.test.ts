import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import type { AgentVersion } from '../../../contracts/agent.ts';
import { WORKFLOW } from '../../../contracts/names.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { saveAgentVersion } from '../../../store/runs/agent-versions.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { startWorker } from '../../../worker/start-worker.ts';
import { send } from '../../store/conversation.ts';
import { functionModels, type FunctionModel } from '../../../testing/function-models.ts';
import { registry, startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

test('a run for an agent that only a newer worker has waits for that one', async () => {
  const address = await testTemporal();
  await using old = await startStack({ temporal: address, model: () => 'from the old one' });
  const key = old.key();
  // Admitted as by the newer worker; then only the old one is there to take it up.
  await send(old.db, key, { id: 'm1', content: 'hello', agent: 'other' });
  const { taskQueue } = old;
  await old.client.workflow.start(WORKFLOW.session, { workflowId: workflowIdOf(key), taskQueue });
  const newer = await startWorker({
    db: old.db,
    live: old.live,
    agents: registry([{ name: 'other' }], []),
    models: functionModels(() => 'from the newer one'),
    connection: { address, namespace: 'default' },
    taskQueue,
  });
  try {
    await old.stopWorker();
    expect((await old.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'from the newer one' });
  } finally {
    await newer.stop();
  }
});

test('a message for an agent that only a newer worker has is accepted by an older one; one for an agent that none has is refused', async () => {
  const address = await testTemporal();
  await using old = await startStack({ temporal: address, model: () => 'from the old one' });
  await saveAgentVersion(old.db, registry([{ name: 'other' }], []).agent('other') as AgentVersion);
  const key = old.key();
  const receipt = await old.sender.submit(key, { content: 'hello', agent: 'other' });
  expect(receipt).toMatchObject({ disposition: 'started' });
  await old.sender.open(old.key(), { agent: 'other' });
  await expect(old.sender.submit(key, { content: 'hello', agent: 'nobody' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  const { taskQueue } = old;
  const newer = await startWorker({
    db: old.db,
    live: old.live,
    agents: registry([{ name: 'other' }], []),
    models: functionModels(() => 'from the newer one'),
    connection: { address, namespace: 'default' },
    taskQueue,
  });
  try {
    await old.stopWorker();
    expect((await old.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'from the newer one' });
  } finally {
    await newer.stop();
  }
});

test('a call of a tool that only a newer worker has waits for that one, idempotent or not', async () => {
  const address = await testTemporal();
  const tools = [
    tool('stamp', { idempotent: true, timeoutMs: 1_000 }),
    tool('order', { idempotent: false, timeoutMs: 60_000 }),
  ];
  const agents = registry([{ name: 'assistant', tools: tools.map(({ name }) => name) }], tools);
  const { hash } = agents.agent('assistant') as AgentVersion;
  const model: FunctionModel = ({ messages }) =>
    messages.at(-1)?.role === 'tool'
      ? 'all done'
      : { toolCalls: tools.map(({ name }) => ({ callId: name, tool: name, arguments: {}, malformed: null })) };
  await using old = await startStack({ temporal: address, model });
  const key = old.key();
  // Begun by the newer worker; then only the old one is there to go on.
  await saveAgentVersion(old.db, agents.agent('assistant') as AgentVersion);
  const { runId } = await send(old.db, key, { id: 'm1', content: 'hello' });
  await beginStep(old.db, key, { runId, pin: () => ({ hash, model: 'function/any' }) });
  const { taskQueue } = old;
  await old.client.workflow.start(WORKFLOW.session, { workflowId: workflowIdOf(key), taskQueue });
  await old.until(key, (events) => events.some(({ type }) => type === 'tool.called'));
  const connection = { address, namespace: 'default' };
  const newer = await startWorker({
    db: old.db,
    live: old.live,
    agents,
    models: functionModels(model),
    connection,
    taskQueue,
  });
  try {
    await old.stopWorker();
    const events = await old.ended(key);
    expect(events.filter(({ type }) => type.startsWith('tool.') && type !== 'tool.called')).toMatchObject([
      { type: 'tool.completed', result: 'ran' },
      { type: 'tool.completed', result: 'ran' },
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'all done' });
  } finally {
    await newer.stop();
  }
});

function tool(name: string, { idempotent, timeoutMs }: { idempotent: boolean; timeoutMs: number }) {
  return defineTool({
    name,
    description: name,
    parameters: z.object({}),
    idempotent,
    timeoutMs,
    execute: () => 'ran',
  });
}
