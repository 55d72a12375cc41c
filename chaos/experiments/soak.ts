import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { residentMiB } from '../../bench/end-to-end/observe/processes.ts';
import { conclude } from '../conclude.ts';
import type { Experiment, Figures } from '../experiment.ts';
import { startSystem, type System } from '../parts/start-system.ts';
import { Crowd } from '../traffic/crowd.ts';

const SAMPLES = 40;
/** How much larger the median of the last quarter may be than that of the second: caches fill, and memory is collected late. */
const MAX_GROWTH = 1.25;

type Sample = Readonly<Record<string, number>>;

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

/** Compares the medians of the second and the last quarter. */
function growthOf(samples: readonly Sample[]): { figures: Figures; faults: string[] } {
  const quarter = Math.floor(samples.length / 4);
  const median = (name: string, from: number) => {
    const values = samples.slice(from, from + quarter).map((sample) => sample[name] ?? 0);
    return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  };
  const growths = Object.keys(samples[0] ?? {}).map((name) => ({
    name,
    early: median(name, quarter),
    late: median(name, samples.length - quarter),
  }));
  return {
    figures: Object.fromEntries(growths.map(({ name, early, late }) => [name, `${early} → ${late}`])),
    faults: growths
      .filter(({ early, late }) => late > early * MAX_GROWTH)
      .map(({ name, early, late }) => `growth: ${name} ${early} → ${late}`),
  };
}

function textOf(sample: Sample): string {
  return Object.entries(sample)
    .filter(([name]) => name.endsWith('MiB'))
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');
}
