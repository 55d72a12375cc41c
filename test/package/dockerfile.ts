import { execFile } from 'node:child_process';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../docs/documents.ts';
import { withoutNpm } from './installed.ts';

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The result of the steps of an image, in a folder that represents `/`. */
export interface EmulatedImage {
  readonly root: string;
  /** The working directory of its command. */
  readonly workdir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly entrypoint: readonly string[];
}

/**
 * Runs the steps of the repository's Dockerfile with this machine's programs, in one folder per stage. Skips system
 * packages. Supports only the instructions that the file uses.
 */
export async function emulateImage(folder: string): Promise<EmulatedImage> {
  const stages = new Map<string, EmulatedImage>();
  let name = '';
  let image: EmulatedImage = { root: folder, workdir: '/', env: {}, entrypoint: [] };
  for (const instruction of parse(await readFile(join(ROOT, 'Dockerfile'), 'utf8'))) {
    if (instruction.name === 'FROM') {
      name = / AS (\w+)$/.exec(instruction.rest)?.[1] ?? 'final';
      image = { root: join(folder, name), workdir: '/', env: withoutNpm(process.env), entrypoint: [] };
    } else image = await step(image, instruction, stages);
    stages.set(name, image);
  }
  return image;
}

function parse(dockerfile: string): readonly Instruction[] {
  return dockerfile
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => ({ name: line.split(' ', 1)[0] ?? '', rest: line.slice(line.indexOf(' ') + 1) }));
}

async function step(
  image: EmulatedImage,
  { name, rest }: Instruction,
  stages: ReadonlyMap<string, EmulatedImage>,
): Promise<EmulatedImage> {
  switch (name) {
    case 'WORKDIR':
      await mkdir(join(image.root, rest), { recursive: true });
      return { ...image, workdir: rest };
    case 'ENV': {
      const [variable = '', value = ''] = rest.split(/=(.*)/s);
      const here = value.replaceAll(/(^|:)\/app/g, `$1${join(image.root, 'app')}`);
      return { ...image, env: { ...image.env, [variable]: here.replace('$PATH', image.env['PATH'] ?? '') } };
    }
    case 'COPY':
      await copy(image, rest.split(' '), stages);
      return image;
    case 'RUN':
      if (!rest.startsWith('apt-get ')) {
        const cwd = join(image.root, image.workdir);
        await promisify(execFile)('sh', ['-c', rest], { cwd, env: image.env, maxBuffer: 64 * 1024 * 1024 });
      }
      return image;
    case 'ENTRYPOINT':
      return { ...image, entrypoint: JSON.parse(rest) as string[] };
    case 'USER':
    case 'STOPSIGNAL':
    case 'CMD':
      return image;
    default:
      throw new Error(`The Dockerfile has ${name}, which this emulation does not support.`);
  }
}

async function copy(
  { root, workdir }: EmulatedImage,
  words: readonly string[],
  stages: ReadonlyMap<string, EmulatedImage>,
): Promise<void> {
  const [source = '', target = ''] = words.slice(-2);
  const to = join(root, workdir, target);
  const from = /^--from=(\w+)$/.exec(words[0] ?? '')?.[1];
  if (from === undefined) {
    for (const name of await contextNames()) await cp(join(ROOT, name), join(to, name), { recursive: true });
    return;
  }
  await mkdir(dirname(to), { recursive: true });
  await cp(join(stages.get(from)?.root ?? '', source), to, { recursive: true, verbatimSymlinks: true });
}

/** Returns the names that `.dockerignore` includes; it excludes everything else. */
async function contextNames(): Promise<readonly string[]> {
  const lines = (await readFile(join(ROOT, '.dockerignore'), 'utf8')).trim().split('\n');
  return lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
}
