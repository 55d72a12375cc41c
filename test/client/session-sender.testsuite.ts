import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { oneOffKey } from '../../client/temporal/one-off-key.ts';
import type { SessionSender } from '../../client/temporal/session-sender.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';

/** A sender and the sessions that it sends to. */
export interface SenderWorld {
  readonly sender: SessionSender;
  /** Every durable event of a session. */
  events(key: SessionKey): Promise<readonly PerdureEvent[]>;
  /** Content of a message whose run does not end by itself. */
  readonly held: () => string;
  /** Resolves when the run that answers a held message has started its model call. */
  started(key: SessionKey, runId: string, content: string): Promise<void>;
}

const freshKey = (): SessionKey => sessionKey(`Zoë/${randomUUID().slice(0, 8)}`, 'a trip: 漢%');

/** What every session sender does. */
export function sessionSenderSuite(name: string, world: () => SenderWorld): void {
  const sender = (): SessionSender => world().sender;

  /** A session with a run that is in its model call. */
  async function runningSession(): Promise<{ key: SessionKey; runId: string }> {
    const key = freshKey();
    const content = world().held();
    const { runId } = await sender().submit(key, { content });
    if (runId === null) throw new Error('Without a worker there is no run.');
    await world().started(key, runId, content);
    return { key, runId };
  }

  const typesOf = async (key: SessionKey) => (await world().events(key)).map(({ type }) => type);

  describe(`as a session sender, ${name}`, () => {
    test('open creates a session once', async () => {
      const key = freshKey();
      expect(await sender().open(key, { agent: 'assistant', metadata: { team: 'blue' } })).toEqual({ created: true });
      expect(await sender().open(key, {})).toEqual({ created: false });
      expect(await typesOf(key)).toEqual(['session.opened']);
    });

    test('submit gives a receipt, the same for the same id and body, and refuses another body', async () => {
      const key = freshKey();
      const receipt = await sender().submit(key, { id: 'm', content: 'Hi' });
      expect(receipt).toMatchObject({ messageId: 'm', disposition: 'started', position: 0 });
      expect(await sender().submit(key, { id: 'm', content: 'Hi' })).toEqual(receipt);
      await expect(sender().submit(key, { id: 'm', content: 'Other' })).rejects.toMatchObject({
        name: 'PerdureError',
        code: 'idempotency_conflict',
      });
      expect((await typesOf(key)).filter((type) => type === 'message.received')).toHaveLength(1);
    });

    test('a message without an id gets one', async () => {
      const key = freshKey();
      const { messageId } = await sender().submit(key, { content: 'Hi' });
      expect(messageId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(await world().events(key)).toContainEqual(
        expect.objectContaining({ type: 'message.received', messageId }),
      );
    });

    test('signal delivers a message and gives its id', async () => {
      const key = freshKey();
      expect(await sender().signal(key, { id: 's', content: 'Hi' })).toBe('s');
      // A signal may be processed after it was stored; a repeat by submit waits for that.
      expect(await sender().submit(key, { id: 's', content: 'Hi' })).toMatchObject({ messageId: 's' });
      expect((await typesOf(key)).filter((type) => type === 'message.received')).toHaveLength(1);
    });

    test('update changes a session, and only one that exists', async () => {
      const key = freshKey();
      await sender().open(key, { metadata: { team: 'blue' } });
      await sender().update(key, { metadata: { team: null, place: 'Rome' } });
      expect(await typesOf(key)).toEqual(['session.opened', 'session.updated']);
      await expect(sender().update(freshKey(), { metadata: {} })).rejects.toMatchObject({ code: 'not_found' });
    });

    test('cancel stops the current run or the one named, and otherwise finds none', async () => {
      const current = await runningSession();
      expect(await sender().cancel(current.key, {})).toEqual({ runId: current.runId });
      const named = await runningSession();
      expect(await sender().cancel(named.key, { runId: named.runId })).toEqual({ runId: named.runId });
      for (const { key } of [current, named]) expect((await typesOf(key)).at(-1)).toBe('run.cancelled');
      expect(await sender().cancel(current.key, {})).toEqual({ runId: null });
      expect(await sender().cancel(current.key, { runId: 'unknown' })).toEqual({ runId: null });
      expect(await sender().cancel(freshKey(), {})).toEqual({ runId: null });
    });

    test('resume continues a cancelled run, and refuses one that does not exist', async () => {
      const { key, runId } = await runningSession();
      await sender().cancel(key, { runId });
      await sender().resume(key, { runId });
      expect(await sender().cancel(key, { runId })).toEqual({ runId });
      await expect(sender().resume(key, { runId: 'unknown' })).rejects.toMatchObject({ code: 'not_found' });
      await expect(sender().resume(freshKey(), { runId })).rejects.toMatchObject({ code: 'not_found' });
    });

    test('end ends a session with its run, and only one that exists', async () => {
      const { key } = await runningSession();
      await sender().end(key, { status: 'failed', reason: 'Enough.' });
      expect((await world().events(key)).at(-1)).toMatchObject({
        type: 'session.ended',
        status: 'failed',
        reason: 'Enough.',
      });
      await expect(sender().end(freshKey(), {})).rejects.toMatchObject({ code: 'not_found' });
    });

    test('a run without a session is found by its message id, and is cancelled', async () => {
      const { user } = freshKey();
      const key = oneOffKey(user, 'm');
      const content = world().held();
      const receipt = await sender().submitRun(key, { id: 'm', content });
      expect(receipt).toMatchObject({ messageId: 'm', runId: key.session });
      await world().started(key, key.session, content);
      expect(await sender().submitRun(key, { id: 'm', content })).toEqual(receipt);
      expect(await sender().cancelRun(key, {})).toEqual({ runId: key.session });
      expect((await typesOf(key)).at(-1)).toBe('run.cancelled');
      expect(await sender().cancelRun(oneOffKey(user, 'unknown'), {})).toEqual({ runId: null });
    });

    test('invalid input is refused before anything is sent', async () => {
      const key = freshKey();
      const tooLong = 'é'.repeat(LIMITS.messageBytes.value / 2 + 1);
      const metadata = { text: 'x'.repeat(LIMITS.metadataBytes.value) };
      const calls: [Promise<unknown>, string][] = [
        [sender().submit(key, { content: tooLong }), 'too_large'],
        [sender().submit(key, { content: ' ' }), 'invalid_request'],
        [sender().submit(key, { content: 'x', more: 1 } as never), 'invalid_request'],
        [sender().submit(key, null as never), 'invalid_request'],
        [sender().submit({ user: '', session: 's' }, { content: 'x' }), 'invalid_request'],
        [sender().submit({ user: 'u', session: '' }, { content: 'x' }), 'invalid_request'],
        [sender().open(key, { metadata }), 'too_large'],
        [sender().update(key, { metadata }), 'too_large'],
        [sender().cancel(key, { runId: '' }), 'invalid_request'],
        [sender().resume(key, {} as never), 'invalid_request'],
        [sender().end(key, { status: 'over' } as never), 'invalid_request'],
      ];
      for (const [call, code] of calls) await expect(call).rejects.toMatchObject({ name: 'PerdureError', code });
      expect(await world().events(key)).toEqual([]);
    });
  });
}
