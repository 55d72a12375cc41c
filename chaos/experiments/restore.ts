import { setTimeout as delay } from 'node:timers/promises';
import { eventsOf } from '../../test/support/gateway/http-calls.ts';
import { doubledEffects } from '../check-sessions.ts';
import { conclude } from '../conclude.ts';
import type { Experiment } from '../experiment.ts';
import { startSystem, type System } from '../parts/start-system.ts';
import type { Accepted } from '../traffic/ledger.ts';
import { Crowd } from '../traffic/crowd.ts';

export const restore: Experiment = {
  name: 'restore',
  describe: 'PostgreSQL is restored to an earlier moment while Temporal, workers and gateways go on.',
  async run({ random, seconds, people, say }) {
    await using system = await startSystem();
    const { backUp, outage } = system.postgres;
    if (backUp === null || outage === null) throw new Error('This experiment needs pg_basebackup: install PostgreSQL.');
    const before = new Crowd({ gateways: system.gateways, people, random });
    await delay((seconds / 2) * 1_000);
    say('A base backup is taken while people talk.');
    const startCopy = await backUp();
    await delay((seconds / 2) * 1_000);
    await before.fallSilent();
    await before.leave();
    say(`${before.ledger.accepted.length} messages were accepted. PostgreSQL is replaced by the copy.`);
    await outage.begin();
    system.replacePostgres(await startCopy());
    // Sessions of before go on, and new ones begin.
    const after = new Crowd({ gateways: system.gateways, people, random, prefix: 'q' });
    await delay((seconds / 2) * 1_000);
    await after.fallSilent();
    const kept = await keptBy(system, before.ledger.accepted);
    say(`The copy has ${kept.length} of the messages; the others were accepted after the backup.`);
    const outcome = await conclude(system, after, {
      faults: [...before.ledger.faults, ...(kept.length === 0 ? ['nothing: the backup has no message'] : [])],
      restored: kept,
    });
    // A run that had not ended at the backup is executed again, with what it has done since.
    const ids = new Set(before.ledger.accepted.map(({ id }) => id));
    const repeated = doubledEffects(system.effects().filter(({ mark }) => ids.has(mark)));
    const figures = {
      'messages before': before.ledger.accepted.length,
      'of these in the backup': kept.length,
      'effects repeated, of runs that had not ended at the backup': repeated.length,
      ...outcome.figures,
    };
    return { ...outcome, figures };
  },
};

/** Those of the messages that are in the store. */
async function keptBy(system: System, accepted: readonly Accepted[]): Promise<Accepted[]> {
  const kept: Accepted[] = [];
  for (const [session, messages] of Map.groupBy(accepted, (one) => one.session)) {
    const events = await eventsOf({ url: system.gateways[0] ?? '', user: session }, session).catch(() => []);
    const stored = new Set(events.flatMap((event) => (event.type === 'message.received' ? [event.messageId] : [])));
    kept.push(...messages.filter(({ id }) => stored.has(id)));
  }
  return kept;
}
