import { createHash } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheFolder } from '../assets/package-files.ts';
import { hasCode } from './process-identity.ts';
import { tryLockFile } from './file-lock.ts';
import type { EnvVars } from './find-program.ts';

/** The cache entry of one program in one version, with its checksum in a file beside it, in the format of `sha256sum`. */
export class BinaryCache {
  readonly folder: string;
  readonly path: string;
  readonly #name: string;

  constructor(env: EnvVars, name: string, version: string) {
    this.folder = join(cacheFolder(env), name, version);
    this.#name = process.platform === 'win32' ? `${name}.exe` : name;
    this.path = join(this.folder, this.#name);
  }

  get #checksumPath(): string {
    return join(this.folder, `${this.#name}.sha256`);
  }

  /** Verifies the checksum. `changed`: it does not match or is missing, and the program must not be run. */
  async check(): Promise<'good' | 'absent' | 'changed'> {
    const actual = await sha256Of(this.path);
    if (actual === null) return 'absent';
    const recorded = await readFile(this.#checksumPath, 'utf8').catch(() => '');
    return recorded.split(/\s/, 1)[0] === actual ? 'good' : 'changed';
  }

  /** Moves a program, which must lie in {@link folder}, into the cache. Readers see the old one or the new one. */
  async install(program: string): Promise<void> {
    await chmod(program, 0o755);
    const sum = await sha256Of(program);
    // The checksum goes first: a kill in between leaves a pair that does not match, and that is replaced.
    await writeFile(`${this.#checksumPath}.next`, `${sum}  ${this.#name}\n`);
    await rename(`${this.#checksumPath}.next`, this.#checksumPath);
    await rename(program, this.path);
  }

  /** Runs `work` while holding the entry's lock across processes. Calls `onWait` every 3 s while it waits for the lock. */
  async withLock<T>(work: () => Promise<T>, onWait: () => void): Promise<T> {
    await mkdir(this.folder, { recursive: true });
    const lock = await this.#acquire(onWait);
    try {
      return await work();
    } finally {
      lock.release();
    }
  }

  /** Runs `work` with a temporary folder in the file system of the cache, so that a rename installs. Removes it afterwards. */
  async withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(this.folder, 'in-progress');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #acquire(onWait: () => void): Promise<{ release(): void }> {
    for (let waits = 0; ; waits++) {
      const lock = tryLockFile(join(this.folder, 'lock.held'));
      if (lock !== null) return lock;
      if (waits % 12 === 0) onWait();
      await delay(250);
    }
  }
}

/**
 * Null when the file does not exist. Reads into one buffer: with a stream, whose chunks are garbage, collecting it took longer
 * than hashing the 200 MB of the program at each start.
 */
async function sha256Of(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  try {
    await using file = await open(path);
    for (;;) {
      const { bytesRead } = await file.read(buffer);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}
