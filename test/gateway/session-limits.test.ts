import { expect, onTestFinished, test } from 'vitest';
import { openTestDatabase } from '../support/store/databases.ts';
import { startGateway } from './start-gateway.ts';

const limits = (evictIdleMs: number) => ({ deployment: { limits: { activePerUser: 1, evictIdleMs } } });

test('an import at the limit of active sessions is refused with the remedy, or evicts an idle session', async () => {
  const database = await openTestDatabase('pglite');
  const { db } = database;
  onTestFinished(async () => await database.close());
  const tight = startGateway(db, limits(60_000));
  await tight.call('POST', '/v1/sessions', { id: 'one' });
  const document = await (await tight.call('GET', '/v1/sessions/one/export')).json();
  const refused = await tight.call('POST', '/v1/sessions/import?id=two', document);
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({
    code: 'session_limit',
    detail:
      'The limit of 1 active session per user is reached, and none has been idle for 1 min 0 s. End or delete one, or try again later.',
  });
  const roomy = startGateway(db, limits(0));
  expect((await roomy.call('POST', '/v1/sessions/import?id=two', document)).status).toBe(201);
  expect(roomy.sender.expiryChecks).toMatchObject([{ session: 'one' }]);
  expect(await (await roomy.call('GET', '/v1/sessions/one')).json()).toMatchObject({
    status: 'expired',
    endReason: 'session_limit: idle longest, and at most 1 session per user may be active (limits activePerUser)',
  });
});
