import { expect, onTestFinished, test } from 'vitest';
import { callJson, eventsOf, pathOf, readStream } from '../../support/gateway/http-calls.ts';
import { askedOf, startStubModelServer } from '../../support/models/stub-model-server.ts';
import { expectAnsweredOnce, sendUntilAccepted, type AcceptedMessage } from '../../support/process/conversations.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import type { TcpProxy } from '../../support/process/start-tcp-proxy.ts';
import { tcpProxy } from '../../support/process/tcp-proxy.ts';

/** A database behind a proxy. */
async function proxiedDatabase(databaseUrl: string): Promise<TcpProxy & { readonly url: string }> {
  const url = new URL(databaseUrl);
  const proxy = await tcpProxy(url.host);
  url.host = proxy.address;
  return { ...proxy, url: url.href };
}

const SESSIONS = Number(process.env['PERDURE_TEST_SESSIONS'] ?? 5);

test(
  'a worker that is cut off from Temporal goes on answering the sessions that it serves, until Temporal gives them to another one, and then changes nothing',
  // Temporal misses the heartbeat after a minute.
  { timeout: 240_000 },
  async () => {
    const model = await startStubModelServer();
    onTestFinished(() => model.close());
    const released = Promise.withResolvers<void>();
    const act = { tool: 'act', arguments: { mark: 'it' } };
    model.behave((body) => {
      const message = askedOf(body);
      if (!message.startsWith('act')) return { text: message };
      // The calls of the worker that is cut off are held until the other one has made and committed its own.
      const asked = model.requests.filter((request) => askedOf(request.body) === message);
      return asked.length === 1
        ? { text: 'Held.', hold: () => released.promise, toolCalls: [act] }
        : asked.length === 2
          ? { toolCalls: [act] }
          : { text: message };
    });
    const { home, server } = await startDeployment({
      env: { PERDURE_MODEL: 'openai/stub-model', OPENAI_API_KEY: 'none', OPENAI_BASE_URL: model.baseUrl },
    });
    const proxy = await tcpProxy(server.address);
    const gateway = await home.start('gateway');
    // The first worker has the lease of the upkeep, too.
    const cutOff = await home.start('worker', { TEMPORAL_ADDRESS: proxy.address });
    const sessions = Array.from({ length: SESSIONS }, (_, n) => `s${n}`);
    const accepted: AcceptedMessage[] = [];
    const answered = async (session: string, id: string): Promise<void> => {
      accepted.push(await sendUntilAccepted(() => gateway, session, id, id, { prefer: 'wait=30' }));
    };
    for (const session of sessions) await answered(session, 'before');
    const other = await home.start('worker');
    proxy.cut();
    const ofCutOff = () => cutOff.output().split('"msg":"Run completed"').length - 1;
    const before = ofCutOff();
    for (const id of ['cut-1', 'cut-2']) for (const session of sessions) await answered(session, id);
    await expect.poll(ofCutOff).toBe(before + 2 * SESSIONS);

    // Runs that outlast the heartbeat.
    for (const session of sessions) {
      accepted.push(await sendUntilAccepted(() => gateway, session, `act-${session}`, `act-${session}`));
    }
    for (const session of sessions) {
      await readStream(callerOf(gateway, session), session, {}, ({ event }) => event.type === 'tool.completed');
    }
    released.resolve();
    for (const session of sessions) await answered(session, 'after');
    proxy.restore();
    for (const session of sessions) await answered(session, 'restored');

    await expectAnsweredOnce(gateway, accepted);
    for (const session of sessions) {
      const events = await eventsOf(callerOf(gateway, session), session);
      expect(events.filter(({ type }) => type === 'tool.called')).toHaveLength(1);
      expect(events.filter(({ type }) => type === 'message.completed')).toHaveLength(accepted.length / SESSIONS + 1);
    }
    expect(home.effects()).toHaveLength(SESSIONS);
    await Promise.all([cutOff.stop(), other.stop()]);
    await callJson(callerOf(gateway, 's0'), 'GET', pathOf('s0'));
  },
);

test(
  'the sessions of a worker that is cut off from the store alone go on at another one, its own commits are refused, and none of its tools begins',
  { timeout: 120_000 },
  async () => {
    const model = await startStubModelServer();
    onTestFinished(() => model.close());
    const released = Promise.withResolvers<void>();
    const act = { tool: 'act', arguments: { mark: 'it' } };
    const asked = (message: string) => model.requests.filter(({ body }) => askedOf(body) === message).length;
    model.behave((body) => {
      const message = askedOf(body);
      if (!message.startsWith('act')) return { text: message };
      // The replies of the worker that is cut off come when the other one has answered.
      if (asked(message) === 1) return { text: 'Held.', hold: () => released.promise, toolCalls: [act] };
      return asked(message) === 2 ? { toolCalls: [act] } : { text: message };
    });
    const { home, databaseUrl } = await startDeployment({
      env: { PERDURE_MODEL: 'openai/stub-model', OPENAI_API_KEY: 'none', OPENAI_BASE_URL: model.baseUrl },
    });
    const store = await proxiedDatabase(databaseUrl);
    const gateway = await home.start('gateway');
    const cutOff = await home.start('worker', { DATABASE_URL: store.url });
    const sessions = Array.from({ length: SESSIONS }, (_, n) => `s${n}`);
    const accepted: AcceptedMessage[] = [];
    const send = async (session: string, id: string, headers: Readonly<Record<string, string>> = {}): Promise<void> => {
      accepted.push(await sendUntilAccepted(() => gateway, session, id, id, headers));
    };
    for (const session of sessions) await send(session, 'before', { prefer: 'wait=30' });
    for (const session of sessions) await send(session, `act-${session}`);
    await model.received(2 * SESSIONS);
    // A session that it serves, and in which no run is in progress.
    await send('idle', 'before', { prefer: 'wait=30' });
    const other = await home.start('worker');
    store.cut();
    await send('idle', 'cut');
    for (const session of [...sessions, 'idle']) {
      const runs = accepted.filter((message) => message.session === session).length;
      let completed = 0;
      await readStream(callerOf(gateway, session), session, {}, ({ event }) => {
        if (event.type === 'run.completed') completed += 1;
        return completed === runs;
      });
    }
    expect(home.effects()).toHaveLength(SESSIONS);
    // Its calls end now, and the store refuses what it commits.
    released.resolve();
    store.restore();
    for (const session of [...sessions, 'idle']) await send(session, 'restored', { prefer: 'wait=30' });
    await Promise.all([cutOff.stop(), other.stop()]);

    const found = await expectAnsweredOnce(gateway, accepted);
    for (const session of sessions) {
      const events = found.get(session) ?? [];
      expect(events.filter(({ type }) => type === 'tool.called')).toHaveLength(1);
      expect(events.filter(({ type }) => type === 'message.completed')).toHaveLength(4);
    }
    expect(home.effects()).toHaveLength(SESSIONS);
  },
);
