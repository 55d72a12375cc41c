import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPerdure, type Perdure } from '../../../client/index.ts';
import type { InboxItem } from '../../../contracts/session/inbox-item.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { serveGateway, type ServedGateway } from '../../../gateway/serve-gateway.ts';
import { findProgram } from '../../../dev-server/find-program.ts';
import { call, callJson, pathOf } from '../../support/gateway/http-calls.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { lastOutput, pay, startAskingStack, toolCall, type AskingStack } from '../../support/asking-stack.ts';
import { runCli, startInTerminal } from '../../support/process/run-cli.ts';
import { registry } from '../../support/stack.ts';

let asking: AskingStack;
let served: ServedGateway;
const clients: Perdure[] = [];

beforeAll(async () => {
  asking = await startAskingStack();
  const agents = registry([{ name: 'assistant' }, { name: 'proceeding' }], []);
  const gateway = createGateway({ ...asking.stack, agents });
  served = await serveGateway({ gateway, port: 0 });
}, 120_000);

afterAll(async () => {
  for (const client of clients) await client.close();
  await served?.close();
  await asking?.[Symbol.asyncDispose]();
});

function perdureOf(user: string): Perdure {
  const client = createPerdure({ gateway: served.url, user });
  clients.push(client);
  return client;
}

/** A user of their own with a session whose message makes these calls, and the items that wait then. */
async function waiting(name: string, calls: Parameters<AskingStack['ask']>[1]) {
  const key = asking.stack.key(name);
  const perdure = perdureOf(key.user);
  const session = perdure.session(name);
  await session.send({ id: 'm1', content: JSON.stringify(calls) });
  const read = async (): Promise<readonly InboxItem[]> => (await perdure.inbox()).data;
  await asking.stack.until(key, (events) => events.filter(({ type }) => type.endsWith('.requested')).length > 0);
  return { key, perdure, session, items: await read() };
}

async function archive({ user, session }: SessionKey): Promise<void> {
  expect((await call({ url: served.url, user }, 'DELETE', `${pathOf(session)}?archive=true`)).status).toBe(204);
}

const payments = (session: string) =>
  asking.payments.filter((one) => one.session === session).map(({ euros }) => euros);

test('the Temporal UI shows that a session waits for an answer, and no longer once it is given', async () => {
  const { key, session, items } = await waiting('details', [pay(1)]);
  const handle = asking.stack.client.workflow.getHandle(workflowIdOf(key));
  const details = async () =>
    (await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')).currentDetails ?? '';
  await expect.poll(details).toMatch(/Waiting for an answer to a tool call: .* Next deadline or reminder: 20/);
  await session.approve(items[0] as InboxItem);
  await asking.stack.ended(key);
  await expect.poll(details).not.toContain('Waiting for an answer');
}, 60_000);

test('an approval goes on waiting while its session is archived, and is answered once the session was restored', async () => {
  const { key, session, items, perdure } = await waiting('archived', [pay(1)]);
  const [item] = items as [InboxItem];
  await archive(key);
  expect((await perdure.inbox()).data).toEqual([]);
  await expect(session.approve(item)).rejects.toMatchObject({ code: 'session_archived' });
  await session.restore();
  expect((await perdure.inbox()).data).toEqual(items);
  await session.approve(item);
  const events = await asking.stack.ended(key);
  expect(lastOutput(events)).toBe('paid 1');
  expect(payments('archived')).toEqual([1]);
  expect(events.flatMap((event) => (event.type === 'session.recovered' ? [event.reason] : []))).toEqual(['restored']);
}, 60_000);

test('a session whose tools need approvals and clients is exported and imported, and the copy waits for nothing', async () => {
  const { key, perdure } = await waiting('exported', [pay(1), toolCall('locate', {})]);
  const caller = { url: served.url, user: key.user };
  const document = await callJson<object>(caller, 'GET', pathOf('exported', 'export'));
  await callJson(caller, 'POST', '/v1/sessions/import?id=imported', document);
  const items = (await perdure.inbox({ status: 'all' })).data;
  expect(items.filter(({ sessionId }) => sessionId === 'imported').map(({ status }) => status)).toEqual([
    'withdrawn',
    'withdrawn',
  ]);
  expect(items.filter(({ sessionId }) => sessionId === 'exported').map(({ status }) => status)).toEqual([
    'pending',
    'pending',
  ]);
}, 60_000);

test('of 100 answers at once one counts, and the tool runs once', async () => {
  const { session, items, perdure } = await waiting('hundred', [pay(1)]);
  const [item] = items;
  const answers = await Promise.allSettled(
    Array.from({ length: 100 }, async () => await session.approve(item as InboxItem)),
  );
  const { text } = await session.ask({ id: 'm1', content: JSON.stringify([pay(1)]) });

  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const late = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  expect(new Set(late.map((error) => (error as { code?: string }).code))).toEqual(new Set(['already_decided']));
  expect(new Set(late.map(({ message }) => message)).size).toBe(1);
  expect(late[0]?.message).toMatch(/was answered by "user-\w+" at \d{4}-/);
  expect(text).toBe('paid 1');
  expect(payments('hundred')).toEqual([1]);
  expect((await perdure.inbox()).data).toEqual([]);
}, 60_000);

test('the tool runs once, with the edited arguments, and the record of the run has both versions', async () => {
  const { session, items, key } = await waiting('edited-http', [pay(7)]);
  const [item] = items;
  await expect(session.approve(item as InboxItem, { arguments: { euros: 5_000 } })).rejects.toThrow('/euros');
  await session.approve(item as InboxItem, { arguments: { euros: 2 } });
  const { text, runId } = await session.ask({ id: 'm1', content: JSON.stringify([pay(7)]) });
  const response = await fetch(`${served.url}/v1/sessions/edited-http/runs/${runId}`, {
    headers: { 'perdure-user': key.user },
  });
  const run = (await response.json()) as { toolCalls: unknown[] };

  expect(text).toBe('paid 2');
  expect(payments('edited-http')).toEqual([2]);
  expect(run.toolCalls).toMatchObject([
    { status: 'completed', arguments: { euros: 2 }, item: { arguments: { euros: 7 }, editedArguments: { euros: 2 } } },
  ]);
}, 60_000);

test('five approvals of one step are answered in any order, and a remembered one lets the rest and the later call through', async () => {
  const { session, items, perdure } = await waiting(
    'five-http',
    [1, 2, 3, 4, 5].map((euros) => pay(euros)),
  );
  expect(items).toHaveLength(5);
  for (const index of [3, 4, 0]) {
    const item = items[index] as InboxItem;
    if (index === 4) await session.reject(item, 'too many');
    else await session.approve(item, index === 0 ? { remember: 'session' } : {});
  }
  const first = await session.ask({ id: 'm1', content: JSON.stringify([1, 2, 3, 4, 5].map((euros) => pay(euros))) });
  const later = await session.ask(JSON.stringify([pay(9)]));
  const rules = await perdure.approvalRules();

  expect(first.text).toBe('paid 1 | paid 2 | paid 3 | paid 4 | Error: The call was not approved. Reason: too many');
  expect(later.text).toBe('paid 9');
  expect(rules.data).toMatchObject([{ scope: 'session', tool: 'pay' }]);
  await perdure.removeApprovalRule(rules.data[0]?.id ?? '');
  await session.send(JSON.stringify([pay(10)]));
  await asking.stack.until(
    session.key,
    (events) => events.filter(({ type }) => type === 'approval.requested').length > 5,
  );
  expect((await session.approvals()).data).toHaveLength(1);
}, 60_000);

test('a client tool called by two clients at once is answered by the first, and both get the answer of the run', async () => {
  const key = asking.stack.key('two-clients');
  const content = JSON.stringify([toolCall('locate', {})]);
  const both = await Promise.all(
    ['Ulm', 'Bonn'].map(async (city) =>
      perdureOf(key.user)
        .session('two-clients')
        .ask({ id: 'm1', content }, { tools: { locate: () => ({ city }) } }),
    ),
  );

  const text = both[0]?.text;
  expect(text).toMatch(/^\{"city":"(Ulm|Bonn)"\}$/);
  expect(both.map((answer) => answer.text)).toEqual([text, text]);
  const answered = (await asking.stack.events(key)).filter(({ type }) => type === 'client_call.answered');
  expect(answered).toHaveLength(1);
}, 60_000);

test('a result that does not match its schema rejects the wait with the field, and the call goes on waiting', async () => {
  const session = perdureOf(asking.stack.key('bad-result').user).session('bad-result');
  const content = JSON.stringify([toolCall('locate', {})]);
  await expect(
    session.ask({ id: 'm1', content }, { tools: { locate: () => ({ town: 'Ulm' }) } }),
  ).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('city'),
  });
  expect((await session.clientCalls()).data).toMatchObject([{ tool: 'locate', status: 'pending' }]);
  const { text } = await session.ask({ id: 'm1', content }, { tools: { locate: () => ({ city: 'Ulm' }) } });
  expect(text).toBe('{"city":"Ulm"}');
}, 60_000);

test('what throws in a client tool is the error that the model is given', async () => {
  const session = perdureOf(asking.stack.key('thrown').user).session('thrown');
  const { text } = await session.ask(JSON.stringify([toolCall('locate', {})]), {
    tools: {
      locate() {
        throw new Error('No permission.');
      },
    },
  });
  expect(text).toBe('Error: No permission.');
}, 60_000);

test('a stream of a run that waits stays open, and has its request, its answer and its end', async () => {
  const { session, items } = await waiting('stream', [pay(3)]);
  const receipt = await session.send({ id: 'm1', content: JSON.stringify([pay(3)]) });
  const types: string[] = [];
  for await (const event of session.stream({ runId: receipt.runId ?? '' })) {
    types.push(event.type);
    if (event.type === 'approval.requested') await session.approve(items[0] as InboxItem);
  }
  expect(types.filter((type) => /^(approval|run)\./.test(type) && type !== 'run.waiting')).toEqual([
    'run.started',
    'approval.requested',
    'approval.decided',
    'run.started',
    'run.completed',
  ]);
}, 60_000);

test('the command line lists, approves, rejects and answers, by the end of an id', async () => {
  const { key, session, items } = await waiting('shell', [
    pay(4),
    pay(5),
    toolCall('ask_user', { question: 'Which?', choices: ['red', 'blue'] }),
  ]);
  const cli = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(args, { PERDURE_URL: served.url, PERDURE_USER: key.user });
    return { code, text: stdout + stderr };
  };
  const [first, second, question] = items.map(({ id }) => id.slice(-8));
  const listed = await cli('inbox');
  expect(listed.text).toMatch(/ITEM +KIND +TOOL +ARGUMENTS +SESSION +SINCE +UNTIL\n.*approval +pay +\{"euros":4\}/);
  expect(listed.text).toContain('question');
  expect(await cli('approve', String(first), '--arguments', '{"euros": "x"}')).toMatchObject({ code: 4 });
  expect(await cli('approve', String(first), '--arguments', '{"euros": 1}')).toMatchObject({
    code: 0,
    text: expect.stringMatching(/^Approved by user-\w+: pay \{"euros":1\}, session shell\.\n$/),
  });
  expect((await cli('approve', String(first))).text).toContain('was answered by');
  expect((await cli('reject', String(second), '--reason', 'Once is enough')).text).toMatch(/^Rejected by/);
  expect((await cli('why', 'shell')).text).toContain('waits for an answer by the user or an operator');
  expect((await cli('session', 'shell')).text).toMatch(/waiting for +an answer by the user or an operator, since/);
  expect((await cli('answer', String(question), '2')).text).toMatch(/^Answered by/);
  expect((await cli('inbox')).text).toBe('Nothing waits for an answer.\n');
  expect((await session.ask({ id: 'm1', content: await contentOf(session.key) })).text).toBe(
    'paid 1 | Error: The call was not approved. Reason: Once is enough | blue',
  );
}, 90_000);

test('in a chat the questions of an agent are answered, and the run goes on with the answers', async ({ skip }) => {
  const python = findProgram('python3', process.env);
  if (python === null) return cannotRunHere(skip, 'no Python ("python3") on the PATH, which makes the terminal');
  const schema = { type: 'object', properties: { seats: { type: 'integer', minimum: 1 } } };
  const { key, session } = await waiting('talk', [
    toolCall('ask_user', { question: 'Which?', choices: ['red', 'blue'] }, 'one'),
    toolCall('ask_user', { question: 'How many?', schema }, 'two'),
  ]);
  const env = { PERDURE_URL: served.url, PERDURE_USER: key.user };
  const running = startInTerminal(python, ['chat', 'talk'], env, 100);
  try {
    await running.shows('Type a number from 1 to 2.');
    running.type('2\n');
    await running.shows('Type your answer.');
    running.type('0\n');
    await running.shows('does not match the schema');
    running.type('3\n');
    await asking.stack.ended(key);
    running.type('/quit\n');
    await running.done;
  } finally {
    running.signal('SIGKILL');
  }
  expect((await session.ask({ id: 'm1', content: await contentOf(key) })).text).toBe('blue | {"seats":3}');
}, 90_000);

test('a message sent by a command that waits is answered with what its run waits for, and how to answer', async () => {
  const key = asking.stack.key('one-shot');
  const env = { PERDURE_URL: served.url, PERDURE_USER: key.user };
  const { code, stderr } = await runCli(['send', JSON.stringify([pay(2)]), '-s', 'one-shot', '--wait'], env);

  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(
      /^The run waits for an approval of the tool pay\. Answer with: perdure approve inb_\S+, or perdure reject inb_\S+ --reason WHY\n/,
    ),
  });
}, 60_000);

async function contentOf(key: Parameters<AskingStack['ask']>[0]): Promise<string> {
  const [event] = (await asking.stack.events(key)).filter(({ type }) => type === 'message.received');
  return (event as { content: string }).content;
}
