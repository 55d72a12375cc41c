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

/** `perdure export <session>`: one line of JSON, whatever is watching; with `output` into a new file. */
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
  deps.print(`The session ${stripControl(id)} is in ${output}. Import it: perdure import ${shellQuote(output)}`);
}

/** `perdure import <file>`. */
export async function importFromFile(
  deps: CommandDeps,
  file: string,
  options: { readonly as?: string },
): Promise<void> {
  const document = parsed(file, file === '-' ? await text(process.stdin) : await read(file));
  const session = await deps.client.importSession(document, { id: options.as });
  if (deps.json) return deps.printJson(session);
  const id = stripControl(session.id);
  deps.print(
    `The session ${id} is here, with ${formatCount(session.messages, 'message')}. Go on: perdure chat ${shellQuote(id)}`,
  );
}

/** `perdure delete <session>`. */
export async function remove(deps: CommandDeps, id: string, options: { readonly forget?: boolean }): Promise<void> {
  await deps.client.remove(id, options.forget ? { archive: false } : {});
  const archived = !options.forget && (await isArchived(deps, id));
  if (deps.json) return deps.printJson({ id, removed: true, archived });
  const name = stripControl(id);
  deps.print(
    archived
      ? `The session ${name} is archived. A message to it restores it: perdure chat ${shellQuote(name)}`
      : `The session ${name} is deleted. Nothing of it is kept but its usage.`,
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

/** Never over a file that is there: it may be the only copy of a session. */
async function create(file: string, content: string): Promise<void> {
  await writeFile(file, content, { flag: 'wx' }).catch((error: unknown) => {
    const code = codeOf(error);
    if (code === 'EEXIST') throw new CliError(`The file ${file} is there already. Name another.`, EXIT.usage);
    throw new CliError(`The file ${file} cannot be written${reason(code)}.`, EXIT.usage);
  });
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    const code = codeOf(error);
    if (code === 'ENOENT') throw new CliError(`There is no file ${file}.`, EXIT.usage);
    throw new CliError(`The file ${file} cannot be read${reason(code)}.`, EXIT.usage);
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'no reason known';
}

const REASONS: Readonly<Record<string, string>> = {
  EISDIR: ': it is a folder',
  EACCES: ': this user may not',
  ENOENT: ': there is no such folder',
};

function reason(code: string): string {
  return REASONS[code] ?? ` (${code})`;
}

const formatSchema = z.object({ format: z.literal('perdure.session'), version: z.number() });

/** What is in it is checked by the gateway; here only that it is an export, and one of this version. */
function parsed(file: string, json: string): SessionExport {
  const what = file === '-' ? 'What came by standard input' : `The file ${file}`;
  const document = parseJson(json);
  const { data } = formatSchema.safeParse(document);
  if (document === undefined) {
    throw new CliError(`${what} is not JSON. Make one with \`perdure export\`.`, EXIT.usage);
  }
  if (data === undefined) {
    throw new CliError(`${what} is not an exported session. Make one with \`perdure export\`.`, EXIT.usage);
  }
  const known = sessionExportSchema.shape.version.values;
  if (!(known as ReadonlySet<number>).has(data.version)) {
    throw new CliError(
      `${what} has version ${data.version} of the format, and this Perdure reads ${[...known].join(', ')}. Use a newer one.`,
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
