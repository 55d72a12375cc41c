import { expect, test } from 'vitest';
import { createGatewayClient } from '../../client/http/gateway-client.ts';
import { createSessionHandle } from '../../client/session-handle.ts';
import type { SessionSender } from '../../client/temporal/session-sender.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import type { Receipt } from '../../contracts/session/message.ts';
import { UNKNOWN_USAGE } from '../../contracts/session/run.ts';
import { problem, startFakeGateway } from '../support/gateway/fake-gateway.ts';
import { eventWriter, received, runCompleted, started } from '../support/gateway/run-events.ts';

const key = { user: 'local', session: 's' };

/** A handle whose sender emits `events` for any message, and returns a receipt for `runId`. */
async function asking(runId: string | null, events: (messageId: string) => StreamEvent[], initially = true) {
  let exists = initially;
  const gateway = await startFakeGateway({
    handle(request) {
      if (request.path === '/v1/sessions/s' && exists) return { body: { head: 0 } };
      return exists ? undefined : problem(404, 'not_found', 'No session s.');
    },
  });
  async function submit(_key: unknown, input: { id?: string | undefined }): Promise<Receipt> {
    const messageId = input.id ?? 'made';
    exists = true;
    gateway.emit(...events(messageId));
    return { messageId, runId, disposition: runId === null ? 'accepted' : 'started', position: null };
  }
  const sender = { submit } as unknown as SessionSender;
  const handle = createSessionHandle(key, async () => sender, createGatewayClient({ url: gateway.url }));
  const remove = (): void => void (exists = false);
  return { handle, gateway, remove };
}

test('ask gives the final answer of the run that answers the message', async () => {
  const writer = eventWriter();
  const { handle, gateway } = await asking('r2', (id) => [
    runCompleted(writer, 'r1', 'Not this one.'),
    received(writer, 'r2', id, 'Hi'),
    started(writer, 'r2'),
    runCompleted(writer, 'r2', 'Hello.'),
  ]);
  expect(await handle.ask('Hi')).toEqual({ runId: 'r2', text: 'Hello.', usage: UNKNOWN_USAGE, steps: 1 });
  await gateway.close();
});

test('ask finds the run of a message that was accepted while no worker answered', async () => {
  const writer = eventWriter();
  const { handle, gateway } = await asking(
    null,
    (id) => [received(writer, 'r', id, 'Hi'), runCompleted(writer, 'r', 'Late, but here.')],
    false,
  );
  expect(await handle.ask('Hi')).toMatchObject({ runId: 'r', text: 'Late, but here.' });
  await gateway.close();
});

test('ask rejects when the run fails or is cancelled, and when the accepted message is refused', async () => {
  const error = { code: 'model_unavailable', detail: 'It is away.' };
  const writer = eventWriter();
  const end = { runId: 'r', steps: 0, usage: UNKNOWN_USAGE };
  const failed = await asking('r', () => [writer.durable({ type: 'run.failed', ...end, error })]);
  await expect(failed.handle.ask('Hi')).rejects.toMatchObject({
    name: 'RunNotCompletedError',
    status: 'failed',
    error,
  });
  await failed.gateway.close();

  const stopped = await asking('r', () => [writer.durable({ type: 'run.cancelled', ...end, reason: 'Enough.' })]);
  await expect(stopped.handle.ask('Hi')).rejects.toMatchObject({
    name: 'RunNotCompletedError',
    status: 'cancelled',
    code: 'cancelled',
  });
  await stopped.gateway.close();

  const refused = await asking(null, (messageId) => [
    writer.durable({ type: 'message.refused', messageId, code: 'session_ended', detail: 'It has ended.' }),
  ]);
  await expect(refused.handle.ask('Hi')).rejects.toMatchObject({ code: 'session_ended', message: 'It has ended.' });
  await refused.gateway.close();
});

test('ask with an id that was used before returns the old answer', async () => {
  const writer = eventWriter();
  const { handle, gateway } = await asking('r', () => []);
  gateway.emit(received(writer, 'r', 'old', 'Hi'), runCompleted(writer, 'r', 'Answered long ago.'));
  expect(await handle.ask({ id: 'old', content: 'Hi' })).toMatchObject({ text: 'Answered long ago.' });
  await gateway.close();
});

test('ask rejects when the session is deleted before the answer', async () => {
  const writer = eventWriter();
  const { handle, gateway, remove } = await asking('r', (id) => [received(writer, 'r', id, 'Hi')]);
  const asked = handle.ask('Hi');
  await gateway.connected();
  remove();
  gateway.cut();
  await expect(asked).rejects.toMatchObject({ code: 'not_found' });
  await gateway.close();
});
