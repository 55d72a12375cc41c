import { randomBytes } from 'node:crypto';
import type { PayloadCodec } from '@temporalio/common';
import { expect, test } from 'vitest';
import { encryptionCodec } from '../../../codec/encryption-codec.ts';
import { oneOffKey } from '../../../client/temporal/one-off-key.ts';
import type { MessageInput, Receipt } from '../../../contracts/session/message.ts';
import type { MessageOutcome } from '../../../gateway/answers/message-outcome.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** A stack whose worker has not started, and its gateway. */
async function withoutWorker(payloadCodecs: readonly PayloadCodec[] = []) {
  const temporal = await testTemporal();
  const stack = await startStack({ temporal, payloadCodecs, model: () => 'yes', worker: false, ackTimeoutMs: 300 });
  return { stack, ...gatewayOf(stack) };
}

function gatewayOf({ db, sender, live }: Stack) {
  const { call } = startGateway(db, { sender, live });
  const json = async <T>(...args: Parameters<typeof call>): Promise<T> => (await (await call(...args)).json()) as T;
  return { call, json };
}

/** Sends a message as a Temporal client does. Its run has the id under which a gateway would find it. */
async function acceptRun({ sender }: Stack, message: MessageInput & { readonly id: string }): Promise<Receipt> {
  const key = oneOffKey('local', message.id);
  const receipt = await sender.submitRun(key, message);
  return { ...receipt, runId: key.session };
}

test('a run that was only accepted is found by the id of its receipt, and waits until a worker has admitted it', async () => {
  const { stack, call, json } = await withoutWorker();
  await using _ = stack;
  const receipt = await acceptRun(stack, { id: `m-${stack.taskQueue}`, content: 'hi' });
  expect(receipt).toMatchObject({ disposition: 'accepted', runId: expect.stringMatching(/^run-/) });
  const path = `/v1/runs/${receipt.runId}`;
  expect(await json('GET', path)).toEqual({
    receipt,
    status: 'waiting',
    refusal: null,
    answer: null,
    usage: null,
    run: null,
  });
  expect((await call('GET', path, undefined, { 'perdure-user': 'eve' })).status).toBe(404);
  expect((await call('GET', `${path}0`)).status).toBe(404);
  await stack.startWorker();
  const run = async () => json<{ status: string }>('GET', path);
  await expect.poll(run, { timeout: 20_000 }).toMatchObject({ id: receipt.runId, status: 'completed', output: 'yes' });
});

test('a run that was accepted and then refused has its refusal as its outcome', async () => {
  const { stack, json } = await withoutWorker();
  await using _ = stack;
  const body = { id: `m-${stack.taskQueue}`, content: 'hi', agent: 'nobody' };
  const { runId } = await acceptRun(stack, body);
  await stack.startWorker();
  const outcome = async () => json<MessageOutcome>('GET', `/v1/runs/${runId}`);
  await expect.poll(outcome, { timeout: 20_000 }).toMatchObject({
    receipt: { messageId: body.id, runId },
    status: 'refused',
    refusal: { code: 'invalid_request', detail: expect.stringContaining('nobody') },
  });
});

test('with a codec, too, what was only accepted is found', async () => {
  const { stack, json } = await withoutWorker([encryptionCodec({ key: `k1:${randomBytes(32).toString('base64')}` })]);
  await using _ = stack;
  const id = `m-${stack.taskQueue}`;
  const { runId } = await acceptRun(stack, { id, content: 'hi' });
  expect(await json('GET', `/v1/runs/${runId}`)).toMatchObject({ status: 'waiting' });
  await stack.sender.submit({ user: 'local', session: stack.taskQueue }, { id, content: 'hi' });
  expect(await json('GET', `/v1/sessions/${stack.taskQueue}/messages/${id}`)).toMatchObject({ status: 'waiting' });
});
