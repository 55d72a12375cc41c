import { readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { sessionExportSchema, type SessionExport } from '../../contracts/session/session-export.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { shellQuote } from '../render/shell-quote.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';

/** `perdure export <session>`: writes a session as one line of JSON to standard output, or to a new file `output`. */
export async function exportToFile(
  deps: CommandDeps,
  id: string,
  options: { readonly output?: string },
): Promise<void> {
  const document = await deps.client.exportSession(id);
  const json = JSON.stringify(document);
  const { output } = options;
  if (output === undefined) return deps.print(json);
  await create(output, `${json}\n`);
  if (deps.json) return deps.printJson({ id, file: output });
  deps.print(`Exported session ${stripControl(id)} to ${output}. Import it with: perdure import ${shellQuote(output)}`);
}

/** `perdure import <file>`: imports an exported session. */
export async function importFromFile(
  deps: CommandDeps,
  file: string,
  options: { readonly as?: string },
): Promise<void> {
  const document = parseExport(file, file === '-' ? await text(process.stdin) : await read(file));
  const session = await deps.client.importSession(document, { id: options.as });
  if (deps.json) return deps.printJson(session);
  const id = stripControl(session.id);
  deps.print(
    `Imported session ${id} with ${formatCount(session.messages, 'message')}. Continue it with: perdure chat ${shellQuote(id)}`,
  );
}

/** `perdure delete <session>`: archives or deletes a session. */
export async function deleteSessionById(
  deps: CommandDeps,
  id: string,
  options: { readonly forget?: boolean },
): Promise<void> {
  await deps.client.remove(id, options.forget ? { archive: false } : {});
  const archived = !options.forget && (await isArchived(deps, id));
  if (deps.json) return deps.printJson({ id, removed: true, archived });
  const name = stripControl(id);
  deps.print(
    archived
      ? `Archived session ${name}. A new message restores it: perdure chat ${shellQuote(name)}`
      : `Deleted session ${name}. Only its usage is kept.`,
  );
}

async function isArchived(deps: CommandDeps, id: string): Promise<boolean> {
  try {
    return (await deps.client.snapshot(id)).status === 'archived';
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'not_found') return false;
    throw error;
  }
}

/** Never overwrites a file: it may be the only copy of a session. */
async function create(file: string, content: string): Promise<void> {
  await writeFile(file, content, { flag: 'wx' }).catch((error: unknown) => {
    const code = codeOf(error);
    if (code === 'EEXIST') throw new CliError(`${file} already exists. Choose another file.`, EXIT.usage);
    throw new CliError(`Cannot write ${file}: ${reasonOf(code)}.`, EXIT.usage);
  });
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    const code = codeOf(error);
    if (code === 'ENOENT') throw new CliError(`No such file: ${file}`, EXIT.usage);
    throw new CliError(`Cannot read ${file}: ${reasonOf(code)}.`, EXIT.usage);
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

const REASONS: Readonly<Record<string, string>> = {
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  ENOENT: 'no such directory',
};

function reasonOf(code: string): string {
  return REASONS[code] ?? code;
}

const formatSchema = z.object({ format: z.literal('perdure.session'), version: z.number() });

/** Checks that a document is an export in a known version. The gateway validates its content. */
function parseExport(file: string, json: string): SessionExport {
  const what = file === '-' ? 'Standard input' : file;
  const document = parseJson(json);
  const { data } = formatSchema.safeParse(document);
  if (document === undefined) {
    throw new CliError(`${what} is not JSON. Create an export with: perdure export <session>`, EXIT.usage);
  }
  if (data === undefined) {
    throw new CliError(
      `${what} is not an exported session. Create an export with: perdure export <session>`,
      EXIT.usage,
    );
  }
  const known = sessionExportSchema.shape.version.values;
  if (!(known as ReadonlySet<number>).has(data.version)) {
    throw new CliError(
      `${what} has format version ${data.version}; this version of Perdure supports ${[...known].join(', ')}. Update Perdure.`,
      EXIT.usage,
    );
  }
  return document as SessionExport;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
