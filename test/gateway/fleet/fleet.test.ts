import { expect, test } from 'vitest';
import { fleetSchema } from '../../../contracts/admin/fleet.ts';
import { converse, newKey, send } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { startGateway } from '../start-gateway.ts';

const database = embeddedDatabase();
const as = (token: string) => ({ authorization: `Bearer ${token}` });

test('an operator sees totals and open runs, with one entry in the audit trail; a user does not', async () => {
  const { db } = database;
  await converse(db, newKey(), 'm1');
  const open = newKey('bob');
  const { runId } = await send(db, open, { id: 'm1', content: 'hello' });
  const { call } = startGateway(db, { tokens: 'a=ann,o=ops', operators: 'ops' });
  expect((await call('GET', '/v1/fleet', undefined, as('a'))).status).toBe(403);
  for (const order of ['waiting', 'dearest']) {
    const response = await call('GET', `/v1/fleet?order=${order}`, undefined, as('o'));
    expect(fleetSchema.parse(await response.json())).toMatchObject({
      sessions: { active: 2, served: 0 },
      runs: { queued: 1, running: 0, waiting: 0 },
      today: { modelCalls: expect.any(Number), failedRuns: 0 },
      workers: [],
      pauses: [],
      top: [{ id: runId, user: 'bob', sessionId: open.session, waitingFor: { what: 'worker' } }],
    });
  }
  const audit = await call('GET', '/v1/audit?action=fleet.read', undefined, as('o'));
  expect(await audit.json()).toMatchObject({ data: [{ actor: 'ops', user: null }] });
  expect((await call('GET', '/v1/fleet?limit=0', undefined, as('o'))).status).toBe(400);
});
