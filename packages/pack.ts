import { execFile } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Packs what `npm run build` made into `dist-packages/NAME.tgz`, a file for each package. */
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

/** What npm reports of a package: in a list, or since npm 12 by its name. */
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
