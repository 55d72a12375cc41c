import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { startPostgres } from '../test/support/store/postgres-server.ts';
import type { Benchmark, Findings } from './benchmark.ts';
import { BENCHMARKS, END_TO_END } from './benchmarks.ts';
import type { EndToEndBenchmark, EndToEndSetting } from './end-to-end/end-to-end-benchmark.ts';
import { describeMachine } from './machine.ts';
import { markdownOf, tableOf, type Report, type Result } from './report.ts';
import { startWorld } from './world.ts';

interface Options {
  readonly only: readonly string[];
  readonly quick?: boolean;
  readonly postgres?: true;
  readonly databaseUrl?: string;
  readonly out?: string;
  readonly markdown?: true;
  readonly redis?: true;
}

const ALL: readonly (Benchmark | EndToEndBenchmark)[] = [...END_TO_END, ...BENCHMARKS];
const NAMES = ALL.map(({ name }) => name);
const list = ALL.map(({ name, describe }) => `  ${name}\n    ${describe}`).join('\n');

await new Command('bench')
  .description('Measures Perdure: over HTTP as a user runs it, and in one process against a bare Temporal workflow.')
  .option('--only <names>', 'only these, with commas between', chosen, NAMES)
  .option('--quick', 'small counts: shows that it works, measures nothing')
  .addOption(
    new Option('--postgres', 'a PostgreSQL server of its own as the store, not PGlite').conflicts('databaseUrl'),
  )
  .option('--redis', 'only the benchmark `redis`: a deployment with Redis beside the same without')
  .option('--database-url <url>', 'a served PostgreSQL as the store; the schema `perdure` is made in it')
  .option('--out <file>', 'the JSON file (default: bench/results/<date>.json)')
  .option('--markdown', 'the block for docs/benchmarks.md on stdout instead of tables')
  .addHelpText('after', `\nWhat is measured:\n${list}`)
  .action(bench)
  .parseAsync();

async function bench(options: Options): Promise<void> {
  const report = await measureAll(options);
  const file = options.out ?? `bench/results/${report.date.replaceAll(':', '-').slice(0, 19)}.json`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  if (options.markdown) console.log(markdownOf(report));
  console.error(`\nWritten to ${file}.`);
}

async function measureAll(options: Options): Promise<Report> {
  const { quick = false, postgres = false, databaseUrl } = options;
  const only = options.redis ? ['redis'] : options.only;
  const isServed = postgres || databaseUrl !== undefined;
  const machine = await describeMachine(isServed ? 'PostgreSQL' : 'PGlite in a folder');
  const date = new Date().toISOString();
  const setting: EndToEndSetting = {
    topology: isServed ? 'postgres' : 'embedded',
    databaseUrl,
    size: (full, small) => (quick ? small : full),
  };
  const results: Result[] = [];
  const measure = async ({ name, describe }: { name: string; describe: string }, run: () => Promise<Findings>) => {
    console.error(`measuring ${name} …`);
    const began = performance.now();
    const {
      rows,
      aims = [],
      tables = [],
    } = await run().catch((error: Error): Findings => {
      // The results of the others take an hour.
      console.error(error);
      process.exitCode = 1;
      return { rows: [{ what: 'failed', values: {} }] };
    });
    const result = { name, describe, rows, aims, tables, tookMs: Math.round(performance.now() - began) };
    results.push(result);
    if (!options.markdown) console.log(tableOf(result));
  };
  for (const benchmark of END_TO_END.filter(({ name }) => only.includes(name))) {
    await measure(benchmark, () => benchmark.run(setting));
  }
  const inOneProcess = BENCHMARKS.filter(({ name }) => only.includes(name));
  if (inOneProcess.length > 0) {
    // After the others, because its servers would run beside them.
    await using stack = new AsyncDisposableStack();
    const server = postgres ? await startPostgres() : undefined;
    if (server) stack.defer(() => server.stop());
    const world = stack.use(await startWorld({ databaseUrl: databaseUrl ?? server?.url, quick }));
    for (const benchmark of inOneProcess) await measure(benchmark, () => benchmark.run(world));
  }
  return { date, quick, machine, results };
}

function chosen(names: string): string[] {
  return names.split(',').map((given) => {
    const name = given.trim();
    if (NAMES.includes(name)) return name;
    throw new InvalidArgumentError(`There is no ${name}. There are: ${NAMES.join(', ')}.`);
  });
}
