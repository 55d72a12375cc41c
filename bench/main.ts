import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { startPostgres } from '../test/support/store/postgres-server.ts';
import type { Benchmark } from './benchmark.ts';
import { BENCHMARKS } from './benchmarks.ts';
import { describeMachine } from './machine.ts';
import { markdownOf, tableOf, type Report, type Result } from './report.ts';
import { startWorld, type World } from './world.ts';

interface Options {
  readonly only: readonly Benchmark[];
  readonly quick?: boolean;
  readonly postgres?: true;
  readonly databaseUrl?: string;
  readonly out?: string;
  readonly markdown?: true;
}

const list = BENCHMARKS.map(({ name, describe }) => `  ${name}\n    ${describe}`).join('\n');

await new Command('bench')
  .description('Measures Perdure against a bare Temporal workflow, on one server and in one run.')
  .option('--only <names>', 'only these, with commas between', chosen, BENCHMARKS)
  .option('--quick', 'small counts: shows that it works, measures nothing')
  .addOption(
    new Option('--postgres', 'a PostgreSQL server of its own as the store, not PGlite').conflicts('databaseUrl'),
  )
  .option('--database-url <url>', 'a served PostgreSQL as the store; the schema `perdure` is made in it')
  .option('--out <file>', 'the JSON file (default: bench/results/<date>.json)')
  .option('--markdown', 'the block for docs/benchmarks.md on stdout instead of tables')
  .addHelpText('after', `\nWhat is measured:\n${list}`)
  .action(bench)
  .parseAsync();

async function bench(options: Options): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const server = options.postgres ? await startPostgres() : undefined;
  if (server) stack.defer(() => server.stop());
  const databaseUrl = options.databaseUrl ?? server?.url;
  const world = stack.use(await startWorld({ databaseUrl, quick: options.quick ?? false }));
  const report = await measureAll(world, options);
  const file = options.out ?? `bench/results/${report.date.replaceAll(':', '-').slice(0, 19)}.json`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  if (options.markdown) console.log(markdownOf(report));
  console.error(`\nWritten to ${file}.`);
}

async function measureAll(world: World, { only, quick = false, markdown }: Options): Promise<Report> {
  const machine = await describeMachine(world);
  const date = new Date().toISOString();
  const results: Result[] = [];
  for (const { name, describe, run } of only) {
    console.error(`measuring ${name} …`);
    const began = performance.now();
    const { rows, aims = [] } = await run(world);
    const result = { name, describe, rows, aims, tookMs: Math.round(performance.now() - began) };
    results.push(result);
    if (!markdown) console.log(tableOf(result));
  }
  return { date, quick, machine, results };
}

function chosen(names: string): Benchmark[] {
  return names.split(',').map((name) => {
    const found = BENCHMARKS.find((benchmark) => benchmark.name === name.trim());
    if (found) return found;
    throw new InvalidArgumentError(`There is no ${name}. There are: ${BENCHMARKS.map((b) => b.name).join(', ')}.`);
  });
}
