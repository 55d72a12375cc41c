import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { call, callJson, eventsOf, pathOf } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { startPostgres } from '../../support/store/postgres-server.ts';

const USER = 'ann';
const SEAT = { result: { row: 3, window: true } };
/** By session: the tool that asks. */
const CALLS = { rounds: 'rounds_book', lost: 'book', again: 'reserve' } as const;

const asked = (events: readonly PerdureEvent[], count = 1) =>
  events.filter(({ type }) => type === 'client_call.requested').length >= count;
const itemOf = (events: readonly PerdureEvent[]): string => {
  const last = events.findLast((event) => event.type === 'client_call.requested');
  return last?.type === 'client_call.requested' ? last.itemId : '';
};

test.each(['the embedded store', 'PostgreSQL'])(
  'on %s, a kill of the worker while servers wait for answers loses no question that it need not, and repeats no call that it must not',
  { timeout: 300_000 },
  async (store) => {
    const env: Record<string, string> = {};
    if (store === 'PostgreSQL') {
      const postgres = await startPostgres({ durable: true });
      onTestFinished(() => postgres.stop());
      env['DATABASE_URL'] = postgres.url;
    }
    const home = perdureHome(env);
    let perdure = await home.start();
    const caller = () => ({ url: perdure.url, user: USER });
    const until = async (session: string, holds: (events: readonly PerdureEvent[]) => boolean) => {
      let found: PerdureEvent[] = [];
      await expect
        .poll(async () => holds((found = await eventsOf(caller(), session))), { timeout: 90_000, interval: 100 })
        .toBe(true);
      return found;
    };
    const answer = async (session: string, item: string, body: object) => {
      const answered = await call(caller(), 'POST', pathOf(session, 'client-calls', item), body);
      if (answered.ok) return;
      const events = (await eventsOf(caller(), session)).map((event) => JSON.stringify(event));
      throw new Error(`An answer was refused: ${await answered.text()}\n${events.join('\n')}`);
    };
    const did = (server: string): string => {
      const path = join(home.dataDir, '..', `effects.jsonl.${server}`);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };

    for (const [session, tool] of Object.entries(CALLS)) {
      const message = { content: `@tool=${tool}:{} @then @echo=done`, agent: 'travelling' };
      await callJson(caller(), 'POST', pathOf(session, 'messages'), message);
    }
    const items: Record<string, string> = {};
    for (const session of Object.keys(CALLS)) items[session] = itemOf(await until(session, asked));
    await perdure.kill9();
    perdure = await home.start();

    // The call has ended on the server, so it waits without a worker, and goes on with the answers.
    await answer('rounds', items['rounds'] ?? '', SEAT);
    await answer('rounds', itemOf(await until('rounds', (events) => asked(events, 2))), { result: { sure: true } });
    const rounds = await until('rounds', (events) => events.some(({ type }) => type === 'run.completed'));
    expect(rounds.filter(({ type }) => type === 'tool.unknown' || type === 'client_call.withdrawn')).toEqual([]);
    expect(did('rounds').split('booked')).toHaveLength(2);

    // The call was open and may not be made again.
    const lost = await until('lost', (events) => events.some(({ type }) => type === 'run.completed'));
    expect(lost.filter(({ type }) => type === 'tool.unknown')).toMatchObject([{ tool: 'book' }]);
    expect(lost.filter(({ type }) => type === 'client_call.withdrawn')).toMatchObject([{ itemId: items['lost'] }]);

    // The call was open and may be made again: the same question is not asked twice.
    await answer('again', items['again'] ?? '', SEAT);
    await answer('again', itemOf(await until('again', (events) => asked(events, 2))), { result: { sure: true } });
    const again = await until('again', (events) => events.some(({ type }) => type === 'run.completed'));
    expect(again.filter(({ type }) => type === 'client_call.requested')).toHaveLength(2);
    await perdure.stop();
  },
);
