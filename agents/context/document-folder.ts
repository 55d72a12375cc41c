import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { LIMITS } from '../../contracts/limits.ts';
import { PassageIndex, passagesOf, type Passage } from './passages.ts';

/** The files are compared with the index at most this often. */
const CHECK_MS = 2_000;
/** Folders whose index is kept. */
const MAX_FOLDERS = 32;

interface IndexedFile {
  /** Size and time of the last change. */
  readonly version: string;
  readonly passages: readonly Passage[];
}

/** The index of a folder of Markdown files, which follows their changes. */
class DocumentFolder {
  readonly #folder: string;
  #files: ReadonlyMap<string, IndexedFile> = new Map();
  #index: Promise<PassageIndex> | null = null;
  #checkedAt = Number.NEGATIVE_INFINITY;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The index of the current files. Rejects if the folder cannot be read, or exceeds a limit. */
  current(): Promise<PassageIndex> {
    if (this.#index && performance.now() - this.#checkedAt < CHECK_MS) return this.#index;
    this.#checkedAt = performance.now();
    const before = this.#index;
    const index = this.#update(before);
    this.#index = index;
    index.catch(() => {
      // The next run tries again.
      if (this.#index === index) this.#index = null;
    });
    return index;
  }

  async #update(before: Promise<PassageIndex> | null): Promise<PassageIndex> {
    const files = await this.#read();
    const isSame =
      files.size === this.#files.size && [...files].every(([path, file]) => this.#files.get(path) === file);
    const index = before && (await before.catch(() => null));
    if (isSame && index) return index;
    this.#files = files;
    return await PassageIndex.of([...files.values()].flatMap(({ passages }) => passages));
  }

  async #read(): Promise<Map<string, IndexedFile>> {
    const files = new Map<string, IndexedFile>();
    let bytes = 0;
    for (const path of await markdownFiles(this.#folder)) {
      const { size, mtimeMs } = await stat(path);
      bytes += size;
      if (bytes > LIMITS.documentFolderBytes.value)
        throw tooLarge(this.#folder, `more than ${LIMITS.documentFolderBytes.value} bytes`);
      const version = `${size}@${mtimeMs}`;
      const known = this.#files.get(path);
      const name = relative(this.#folder, path).split(sep).join('/');
      files.set(
        path,
        known?.version === version ? known : { version, passages: passagesOf(name, await readFile(path, 'utf8')) },
      );
    }
    return files;
  }
}

async function markdownFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && /^[^.].*\.(?:md|markdown)$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const limit = LIMITS.documentFiles.value;
  if (paths.length > limit) throw tooLarge(folder, `${paths.length} Markdown files; the limit is ${limit}`);
  return paths.toSorted();
}

function tooLarge(folder: string, what: string): Error {
  return Object.assign(new Error(`The folder of documents ${folder} has ${what}. Use a smaller folder.`), {
    retryable: false,
  });
}

const folders = new Map<string, DocumentFolder>();

/** The index of a folder, kept for all runs of this process. */
export async function indexOf(folder: string): Promise<PassageIndex> {
  const known = folders.get(folder) ?? new DocumentFolder(folder);
  folders.delete(folder);
  folders.set(folder, known);
  const [oldest] = folders.keys();
  if (folders.size > MAX_FOLDERS && oldest !== undefined) folders.delete(oldest);
  return await known.current();
}
