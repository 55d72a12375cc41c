import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { residentMiB } from '../../bench/end-to-end/observe/processes.ts';
import { conclude } from '../conclude.ts';
import type { Experiment } from '../experiment.ts';
import { growthOf, type Sample } from '../growth.ts';
import { startSystem, type System } from '../parts/start-system.ts';
import { Crowd } from '../traffic/crowd.ts';

const SAMPLES = 40;
export const soak: Experiment = {
  name: 'soak',
  describe: 'Nothing fails; memory, descriptors and connections must stay flat. Run it for an hour.',
  async run({ random, seconds, people, say }) {
    await using system = await startSystem();
    const crowd = new Crowd({ gateways: system.gateways, people, random });
    const samples: Sample[] = [];
    for (let number = 1; number <= SAMPLES; number += 1) {
      await delay((seconds / SAMPLES) * 1_000);
      samples.push(await sampleOf(system));
      if (number % 4 === 0) say(`${crowd.ledger.accepted.length} messages; ${textOf(samples.at(-1) ?? {})}`);
    }
    await crowd.fallSilent();
    const { figures, faults } = growthOf(samples);
    return await conclude(system, crowd, { figures, faults });
  },
};

async function sampleOf(system: System): Promise<Sample> {
  const sample: Record<string, number> = {};
  for (const { name, pid } of system.programs) {
    sample[`${name}, MiB`] = Math.round(residentMiB([pid]));
    sample[`${name}, descriptors`] = readdirSync(`/proc/${pid}/fd`).length;
  }
  const client = new Client({ connectionString: system.postgres.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM pg_stat_activity');
    return { ...sample, 'connections of PostgreSQL': rows[0]?.count ?? 0 };
  } finally {
    await client.end();
  }
}

function textOf(sample: Sample): string {
  return Object.entries(sample)
    .filter(([name]) => name.endsWith('MiB'))
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');
}
