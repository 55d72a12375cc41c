import { execFile } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Packs each package that `npm run build` has built into `dist-packages/NAME.tgz`. */
const ROOT = dirname(import.meta.dirname);
const TARGET = join(ROOT, 'dist-packages');

for (const folder of [ROOT, join(TARGET, 'perdure-client'), join(TARGET, 'create-perdure')]) {
  const arguments_ = ['pack', '--json', '--ignore-scripts', '--pack-destination', TARGET];
  const { stdout } = await promisify(execFile)('npm', arguments_, { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
  const packed = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  const [one] = Array.isArray(packed) ? packed : Object.values(packed);
  if (one === undefined) throw new Error(`npm packed nothing in ${folder}.`);
  await rename(join(TARGET, one.filename), join(TARGET, `${one.name}.tgz`));
  console.log(
    `${one.name}: ${one.files.length} files, ${kilobytes(one.size)} packed, ${kilobytes(one.unpackedSize)} unpacked`,
  );
}

/** An entry of `npm pack --json`, whose output is a list, or since npm 12 an object by package name. */
interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly unknown[];
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1_000)} kB`;
}
