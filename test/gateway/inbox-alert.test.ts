import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { asked, waitingRun } from '../store/inbox/waiting-calls.ts';
import { valueOf, type Sample } from '../support/promql-value.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { startGateway } from './start-gateway.ts';

const database = embeddedDatabase();

interface Alerts {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

/** The expression of the alert. */
function inboxWaits(): string {
  const { groups } = parse(readFileSync('deploy/prometheus/alerts.yml', 'utf8')) as Alerts;
  const rule = groups.flatMap(({ rules }) => rules).find(({ alert }) => alert === 'PerdureInboxWaits');
  if (!rule) throw new Error('There is no alert PerdureInboxWaits.');
  return rule.expr;
}

/** The samples of a metric, as a new gateway shows them. */
async function samplesOf(name: string): Promise<Sample[]> {
  const { call } = startGateway(database.db);
  const text = await (await call('GET', '/metrics')).text();
  return [...text.matchAll(new RegExp(`^${name}\\{kind="(\\w+)"\\} (\\S+)$`, 'gm'))].map(([, kind = '', value]) => ({
    labels: { kind },
    value: Number(value),
  }));
}

const oldest = 'perdure_inbox_oldest_seconds';

test('the alert fires for an approval that has waited for over a day, and not before', async () => {
  const { db } = database;
  const { items } = await waitingRun(db, [asked('c1'), asked('c2')]);
  const age = (hours: number) =>
    db.query(
      `UPDATE perdure.inbox SET requested_at = clock_timestamp() - make_interval(hours => $2) WHERE item_id = $1`,
      [items[0], hours],
    );

  await age(23);
  expect(await samplesOf('perdure_inbox_pending')).toEqual([
    { labels: { kind: 'approval' }, value: 2 },
    { labels: { kind: 'client' }, value: 0 },
  ]);
  expect(valueOf(inboxWaits(), { [oldest]: await samplesOf(oldest) })).toEqual([]);

  await age(25);
  expect(valueOf(inboxWaits(), { [oldest]: await samplesOf(oldest) })).toMatchObject([
    { labels: { kind: 'approval' } },
  ]);
});
