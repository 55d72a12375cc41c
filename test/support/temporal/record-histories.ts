import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { runWorkflowIdOf, workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import type { ControlSnapshot } from '../../../contracts/session/session.ts';
import { listPendingItems } from '../../../store/inbox/list-items.ts';
import { UPDATE } from '../../../contracts/names.ts';
import { ModelError } from '../../../models/model-client.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { heldModel } from '../models/held-model.ts';
import { rawPayload, rawSignal, rawSignalWithStart, UNDECODABLE } from './raw-temporal.ts';
import { send } from '../../store/conversation.ts';
import { startStack, type Stack } from '../stack.ts';
import { startTestTemporal } from './temporal-server.ts';

/*
 * Records a history of every kind of session into test/histories. The replay test checks that changed workflow code still
 * replays them. Run `npm run histories` after adding a kind of session: it records the missing ones, or those named after
 * `--`. Keep what released versions have recorded; a change that does not replay it needs `patched()`.
 */

const FOLDER = new URL('../../histories/', import.meta.url);

const tool = (name: string, idempotent: boolean) =>
  defineTool({
    name,
    description: 'Returns its argument.',
    parameters: z.object({ say: z.string() }),
    idempotent,
    timeoutMs: 5_000,
    execute: ({ say }) => say,
  });

let failures = 1;
const held = heldModel((request) => {
  const said = lastUserMessage(request);
  if (said === 'fail' && failures-- > 0) throw new ModelError('authentication', 'No.', { retryable: false });
  const done = (request.messages.length - 1 - request.messages.findLastIndex(({ role }) => role === 'user')) / 2;
  const calls = (...tools: string[]) =>
    tools.map((name, n) => ({ callId: `c${done}-${n}`, tool: name, arguments: { say: name }, malformed: null }));
  if (said === 'ask' && done === 0) return { toolCalls: calls('asked') };
  if (said === 'tools' && done === 0) return { toolCalls: calls('quick', 'once') };
  if (said.startsWith('count') && done < Number(said.split(' ')[1])) return { toolCalls: calls('once') };
  return `echo ${said}`;
});

/** The actions in each kind of session. Each resolves when the newest execution is to be recorded. */
const KINDS: Record<string, (stack: Stack, key: SessionKey) => Promise<unknown>> = {
  async plain(stack, key) {
    for (const [n, content] of ['hello', 'again'].entries()) {
      await stack.sender.submit(key, { content });
      await stack.ended(key, n + 1);
    }
  },
  async opened(stack, key) {
    await stack.sender.open(key, { metadata: { plan: 'gold' } });
    await stack.sender.update(key, { state: { app: { a: 1 } } });
  },
  async bare(stack, key) {
    await stack.client.workflow.start('agentSession', { workflowId: workflowIdOf(key), taskQueue: stack.taskQueue });
    await stack.until(key, (events) => events.length > 0);
  },
  async 'by-signal'(stack, key) {
    await stack.sender.signal(key, { content: 'hello' });
    await stack.ended(key);
  },
  async woken(stack, key) {
    for (const [n, id] of ['m1', 'm2'].entries()) {
      const { run } = await send(stack.db, key, { id, content: id });
      const session = { status: 'active', agent: 'assistant' } as const;
      await stack.sender.wake(key, 'session', { session, run, interrupts: null, wasIdle: true });
      await stack.ended(key, n + 1);
    }
    await send(stack.db, key, { id: 'm3', content: 'm3' });
    await rawSignal(stack.client, workflowIdOf(key), 'runAdmitted', [rawPayload('{"run": 7}')]);
    await stack.ended(key, 3);
  },
  async tools(stack, key) {
    await stack.sender.submit(key, { content: 'tools' });
    await stack.ended(key);
  },
  async fine(stack, key) {
    await stack.sender.submit(key, { content: 'count 2', agent: 'fine' });
    await stack.ended(key);
  },
  async queued(stack, key) {
    await stack.sender.submit(key, { content: 'hold queued' });
    const call = await held.call('hold queued');
    const next = await stack.sender.submit(key, { content: 'next' });
    await stack.sender.submit(key, { content: 'last' });
    await stack.sender.cancel(key, { runId: next.runId as string });
    await stack.sender.submit(key, { content: 'no', whileRunning: 'reject' }).catch(() => {});
    call.answer();
    await stack.ended(key, 3);
  },
  async 'cancelled-in-store'(stack, key) {
    await stack.sender.submit(key, { content: 'hello' });
    await stack.ended(key);
    const { runId } = await send(stack.db, key, { id: 'm2', content: 'never queued' });
    await stack.sender.cancel(key, { runId });
    await stack.sender.submit(key, { content: 'again' });
    await stack.ended(key, 3);
  },
  async steered(stack, key) {
    await stack.sender.submit(key, { content: 'hold steered' });
    const call = await held.call('hold steered');
    await stack.sender.submit(key, { content: 'this way', whileRunning: 'steer' });
    call.answer('first');
    await stack.ended(key);
  },
  async interrupted(stack, key) {
    await stack.sender.submit(key, { content: 'hold interrupted' });
    const call = await held.call('hold interrupted');
    call.say('I was');
    await stack.sender.submit(key, { content: 'stop', whileRunning: 'interrupt' });
    await stack.ended(key, 2);
  },
  async cancelled(stack, key) {
    await stack.sender.submit(key, { content: 'hold cancelled' });
    await held.call('hold cancelled');
    await stack.sender.cancel(key, {});
    await stack.ended(key);
  },
  async 'cancelled-in-temporal'(stack, key) {
    await stack.sender.submit(key, { content: 'hold cancelled in Temporal' });
    await held.call('hold cancelled in Temporal');
    const handle = stack.client.workflow.getHandle(workflowIdOf(key));
    await handle.cancel();
    await handle.result().catch(() => {});
  },
  async resumed(stack, key) {
    const { runId } = await stack.sender.submit(key, { content: 'fail' });
    await stack.ended(key);
    await stack.sender.resume(key, { runId: runId as string });
    await stack.ended(key, 2);
  },
  async ended(stack, key) {
    await stack.sender.submit(key, { content: 'hold until the end' });
    await held.call('hold until the end');
    await stack.sender.end(key, { reason: 'over' });
    await stack.client.workflow.getHandle(workflowIdOf(key)).result();
  },
  async recovered(stack, key) {
    await stack.sender.submit(key, { content: 'hold recovered' });
    await held.call('hold recovered');
    await stack.sender.terminate(key, 'recorded');
    await stack.sender.submit(key, { content: 'next', whileRunning: 'interrupt' });
    await stack.ended(key, 2);
  },
  async 'bad-signals'(stack, key) {
    await stack.sender.submit(key, { content: 'hello' });
    await stack.ended(key);
    for (const payload of [UNDECODABLE['broken JSON']!, UNDECODABLE['no metadata']!, rawPayload('{"content": 5}')]) {
      await rawSignal(stack.client, workflowIdOf(key), 'submitMessage', [payload]);
    }
    for (const name of ['cancelRun', 'endSession', 'whatever', '__temporal_whatever']) {
      await rawSignal(stack.client, workflowIdOf(key), name, [rawPayload('7')]);
    }
    await stack.until(key, (events) => events.filter(({ type }) => type === 'message.refused').length === 7);
  },
  async 'refused-first'(stack, key) {
    const start = { workflowId: workflowIdOf(key), workflowType: 'agentSession', taskQueue: stack.taskQueue };
    await rawSignalWithStart(stack.client, start, 'submitMessage', [rawPayload('{}')]);
    await stack.client.workflow.getHandle(start.workflowId).result();
  },
  async 'continued-as-new'(stack, key) {
    await stack.sender.submit(key, { content: 'count 30', agent: 'fine' });
    await stack.ended(key);
  },
  async expired(stack, key) {
    // The first check comes too early, because of the second message. The next one expires the session.
    await stack.sender.submit(key, { content: 'hello', agent: 'brief' });
    await stack.ended(key);
    await setTimeout(500);
    await stack.sender.submit(key, { content: 'again' });
    await stack.client.workflow.getHandle(workflowIdOf(key)).result();
  },
  async reopened(stack, key) {
    await stack.sender.open(key, { agent: 'brief' });
    await stack.client.workflow.getHandle(workflowIdOf(key)).result();
    await stack.sender.submit(key, { content: 'hello' });
    await stack.ended(key);
    await stack.sender.update(key, { policy: { idleTimeoutMs: 3_600_000 } });
  },
  async 'looked-at'(stack, key) {
    await stack.sender.submit(key, { content: 'hello' });
    await stack.ended(key);
    await stack.client.workflow.getHandle(workflowIdOf(key)).signal('lookAtLife');
    await stack.sender.submit(key, { content: 'again' });
    await stack.ended(key, 2);
  },
  async approved(stack, key) {
    for (const [n, decision] of (['approve', 'reject'] as const).entries()) {
      await stack.sender.submit(key, { content: 'ask', agent: 'asking' });
      await answerNext(stack, key, decision);
      await stack.ended(key, n + 1);
    }
    await stack.sender.submit(key, { content: 'ask' });
    await untilAsked(stack, key, 3);
    await stack.sender.submit(key, { content: 'stop that', whileRunning: 'interrupt' });
    await stack.ended(key, 4);
  },
  async 'approval-expired'(stack, key) {
    await stack.sender.submit(key, { content: 'ask', agent: 'hasty' });
    await stack.ended(key);
  },
  async 'one-off'(stack, key) {
    await stack.sender.submitRun(key, { content: 'hello' });
    await stack.client.workflow.getHandle(runWorkflowIdOf(key)).result();
  },
};

/** Waits until the session has asked for so many approvals. */
async function untilAsked(stack: Stack, key: SessionKey, count: number): Promise<void> {
  await stack.until(key, (events) => events.filter(({ type }) => type === 'approval.requested').length === count);
}

/** Answers the next approval that a session asks for. */
async function answerNext(stack: Stack, key: SessionKey, decision: 'approve' | 'reject'): Promise<void> {
  let itemId: string | undefined;
  while (itemId === undefined) {
    await setTimeout(20);
    itemId = (await listPendingItems(stack.db, key))[0]?.id;
  }
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  await handle.executeUpdate(UPDATE.answerApproval, { args: [{ itemId, answer: { decision } }] });
}

/** Fields that replay does not need: local paths, and long values that every event repeats. */
const OMITTED_FIELDS = new Set(['stackTrace', 'workerVersion', 'requestId', 'identity', 'taskId', 'meteringMetadata']);

/** Removes the host name and paths of the machine. */
function anonymized(json: string): string {
  const text = json.replaceAll(`${process.pid}@${hostname()}`, 'recorder');
  return JSON.stringify(JSON.parse(text, (name, value: unknown) => (OMITTED_FIELDS.has(name) ? undefined : value)));
}

/** Waits until the workflow has no run: the store has the end of a run before the workflow. */
async function untilIdle(stack: Stack, workflowId: string): Promise<void> {
  const handle = stack.client.workflow.getHandle(workflowId);
  for (let busy = true; busy;) {
    const { status } = await handle.describe();
    const { currentRun, queue } = await handle.query<ControlSnapshot>('session');
    busy = status.name === 'RUNNING' && (currentRun !== null || queue.length > 0);
  }
}

const temporal = await startTestTemporal({ suggestContinueAsNewAt: 60 });
try {
  await using stack = await startStack({
    temporal: temporal.address,
    model: held.model,
    tools: [tool('quick', true), tool('once', false), tool('asked', false)],
    agents: [
      { name: 'assistant', tools: ['quick', 'once'] },
      { name: 'brief', policy: { idleTimeoutMs: 1_000 } },
      { name: 'asking', tools: [{ name: 'asked', approval: 'always' }] },
      { name: 'hasty', tools: [{ name: 'asked', approval: 'always' }], approvals: { expiresMs: 1_000 } },
      { name: 'fine', tools: ['quick', 'once'], policy: { stepsPerActivity: 1, maxSteps: 50 } },
    ],
  });
  const chosen = process.argv.slice(2);
  mkdirSync(FOLDER, { recursive: true });
  for (const [kind, act] of Object.entries(KINDS)) {
    const exists = existsSync(new URL(`${kind}.json`, FOLDER));
    if (chosen.length > 0 ? !chosen.includes(kind) : exists) continue;
    const key = { user: 'recorder', session: kind };
    await act(stack, key);
    const workflowId = kind === 'one-off' ? runWorkflowIdOf(key) : workflowIdOf(key);
    await untilIdle(stack, workflowId);
    const history = await stack.client.workflow.getHandle(workflowId).fetchHistory();
    const text = anonymized(JSON.stringify({ workflowId, history }));
    writeFileSync(new URL(`${kind}.json`, FOLDER), `${text}\n`);
    console.log(`${kind}: ${history.events?.length} events, ${text.length} bytes`);
  }
} finally {
  await temporal.stop();
}
