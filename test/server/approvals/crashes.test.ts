import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { UPDATE } from '../../../contracts/names.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { callJson, eventsOf, pathOf } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { startPostgres, type PostgresServer } from '../../support/store/postgres-server.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

const KEY = { user: 'ann', session: 'main' };

test.each(['the embedded store', 'PostgreSQL'])(
  'on %s, a pending approval survives a kill of the process, of Temporal and of the store, and a deploy that changes the agent',
  { timeout: 240_000 },
  async (store) => {
    const temporal = await privateTemporal();
    onTestFinished(() => temporal.stop());
    const env: Record<string, string> = { TEMPORAL_ADDRESS: temporal.address };
    let postgres: PostgresServer | null = null;
    if (store === 'PostgreSQL') {
      postgres = await startPostgres({ durable: true });
      onTestFinished(() => postgres?.stop());
      env['DATABASE_URL'] = postgres.url;
    }
    const home = perdureHome(env);
    let perdure = await home.start();
    const caller = () => ({ url: perdure.url, user: KEY.user });
    const until = async (holds: (events: readonly PerdureEvent[]) => boolean): Promise<PerdureEvent[]> => {
      let found: PerdureEvent[] = [];
      await expect
        .poll(async () => holds((found = await eventsOf(caller(), KEY.session))), { timeout: 60_000, interval: 50 })
        .toBe(true);
      return found;
    };
    const content = 'Go. @tool=act:{"mark":"one"} @then @echo=done';
    await callJson(caller(), 'POST', pathOf(KEY.session, 'messages'), { content, agent: 'asking' });
    const asked = await until((events) => events.some(({ type }) => type === 'approval.requested'));
    const [item] = asked.flatMap((event) => (event.type === 'approval.requested' ? [event.itemId] : []));

    // The embedded store ends with its process.
    await perdure.kill9();
    await temporal.kill();
    await postgres?.outage?.begin();
    await postgres?.outage?.end();
    await temporal.restart();
    perdure = await home.start('start', { PERDURE_TEST_INSTRUCTIONS: 'Ask differently.' });
    expect(home.effects()).toEqual([]);

    const connection = await Connection.connect({ address: temporal.address });
    onTestFinished(() => connection.close());
    const handle = new Client({ connection }).workflow.getHandle(workflowIdOf(KEY));
    const answer = { itemId: item, answer: { decision: 'approve' } };
    await handle.executeUpdate(UPDATE.answerApproval, { args: [answer] });
    const events = await until((found) => found.some(({ type }) => type === 'run.completed'));
    expect(home.effects()).toMatchObject([{ tool: 'act', mark: 'one', attempt: 1 }]);
    expect(events.filter(({ type }) => type === 'run.completed')).toMatchObject([{ output: 'done' }]);
    await perdure.stop();
  },
);
