import { readFile } from 'node:fs/promises';
import { CliError, EXIT } from './exit-codes.ts';
import { decodeUtf8 } from './read-utf8.ts';

const REASONS: Readonly<Record<string, string>> = {
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  ENOENT: 'no such directory',
};

/** Reads a file that a command names. Throws a CliError when it cannot be read, or is not UTF-8. */
export async function readTextFile(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    if (fileErrorCode(error) === 'ENOENT') throw new CliError(`No such file: ${file}`, EXIT.usage);
    throw new CliError(`Cannot read ${file}: ${fileErrorReason(error)}.`, EXIT.usage);
  });
  return decodeUtf8(bytes, file);
}

/** The code of a failed operation on a file, such as `EACCES`. */
export function fileErrorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

/** Why an operation on a file failed, in words. */
export function fileErrorReason(error: unknown): string {
  const code = fileErrorCode(error);
  return REASONS[code] ?? code;
}
