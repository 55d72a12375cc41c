import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { HAS_REDIS } from '../test/support/redis/redis-server.ts';
import { seededRandom } from '../test/support/seeded-random.ts';
import { overload } from './experiments/overload.ts';
import { restore } from './experiments/restore.ts';
import { roll } from './experiments/roll.ts';
import { soak } from './experiments/soak.ts';
import { storm } from './experiments/storm.ts';
import { temporalLost } from './experiments/temporal-lost.ts';
import { isGood, linesOf } from './report.ts';

const EXPERIMENTS = [storm, roll, restore, temporalLost, overload, soak];

interface Options {
  readonly minutes: number;
  readonly people: number;
  readonly seed: number;
  readonly report?: string;
}

await new Command('chaos')
  .description(
    'Lets parts of a whole system fail while people talk, and checks that nothing is lost, doubled or out of order.',
  )
  .addArgument(new Argument('<experiment>').choices(EXPERIMENTS.map(({ name }) => name)))
  .option('--minutes <n>', 'how long people talk', positive, 1)
  .option('--people <n>', 'each with a session', positive, 16)
  .option('--seed <n>', 'of the random choices', positive, Date.now() % 1_000_000)
  .option('--report <file>', 'the JSON file (default: chaos/reports/<experiment>-<seed>.json)')
  .addHelpText(
    'after',
    `\nExperiments:\n${EXPERIMENTS.map(({ name, describe }) => `  ${name}\n    ${describe}`).join('\n')}\n\nExits with 1 when a fault is found.`,
  )
  .action(run)
  .parseAsync();

async function run(name: string, { minutes, people, seed, report }: Options): Promise<void> {
  const experiment = EXPERIMENTS.find((one) => one.name === name);
  if (!experiment) return;
  console.log(
    `${name} with seed ${seed}: 2 workers, 2 gateways, PostgreSQL, Temporal${HAS_REDIS ? ', Redis' : ''}, ${people} people, ${minutes} min.`,
  );
  const startedAt = new Date().toISOString();
  const outcome = await experiment.run({
    seed,
    random: seededRandom(seed),
    seconds: minutes * 60,
    people,
    say: console.log,
  });
  const file = report ?? `chaos/reports/${name}-${seed}.json`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `${JSON.stringify({ experiment: name, seed, minutes, people, startedAt, ...outcome }, null, 2)}\n`,
  );
  console.log(
    [
      '',
      ...linesOf(outcome),
      '',
      `${isGood(outcome) ? 'No fault was found.' : 'Faults were found.'} Report: ${file}`,
    ].join('\n'),
  );
  process.exitCode = isGood(outcome) ? 0 : 1;
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return number;
}
