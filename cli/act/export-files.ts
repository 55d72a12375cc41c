import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { sessionExportSchema, type SessionExport } from '../../contracts/session/session-export.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { confirm, requireTerminal, type ConfirmOption } from '../shared/confirm.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { fileErrorCode, fileErrorReason, readTextFile } from '../shared/read-text-file.ts';
import { readUtf8 } from '../shared/read-utf8.ts';
import { withSession, withWholeSessionId } from '../shared/with-session.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';

/** `perdure export <session>`: writes a session as one line of JSON to standard output, or to a new file `output`. */
export async function exportToFile(
  deps: CommandDeps,
  text: string,
  options: { readonly output?: string; readonly attachments?: boolean },
): Promise<void> {
  const { id, document } = await withSession(deps, text, async (found) => ({
    id: found,
    document: await deps.client.exportSession(found, { attachments: options.attachments }),
  }));
  const json = JSON.stringify(document);
  const { output } = options;
  if (output === undefined) return deps.print(json);
  await create(output, `${json}\n`);
  if (deps.json) return deps.printJson({ id, file: output });
  deps.hint(`Exported session ${stripControl(id)} to ${output}. Import it with: perdure import ${shellQuote(output)}`);
}

/** `perdure import <file>`: imports an exported session. */
export async function importFromFile(
  deps: CommandDeps,
  file: string,
  options: { readonly as?: string },
): Promise<void> {
  const document = parseExport(
    file,
    file === '-' ? await readUtf8(process.stdin, 'Standard input') : await readTextFile(file),
  );
  const session = await deps.client.importSession(document, { id: options.as });
  if (deps.json) return deps.printJson(session);
  const id = stripControl(session.id);
  deps.hint(
    `Imported session ${id} with ${formatCount(session.messages, 'message')}. Continue it with: perdure chat ${shellQuote(id)}`,
  );
}

/** `perdure delete <session>`: archives or deletes a session, after a question. */
export async function deleteSessionById(
  deps: CommandDeps,
  text: string,
  options: ConfirmOption & { readonly forget?: boolean },
): Promise<void> {
  const id = options.yes ? text : await confirmDeletion(deps, text, options.forget ?? false);
  const remove = (whole: string) => deps.client.remove(whole, options.forget ? { archive: false } : {});
  await withWholeSessionId(deps, id, remove);
  const archived = !options.forget && (await isArchived(deps, id));
  if (deps.json) return deps.printJson({ id, removed: true, archived });
  const name = stripControl(id);
  deps.hint(
    archived
      ? `Archived session ${name}. A new message restores it: perdure chat ${shellQuote(name)}`
      : `Deleted session ${name}. Only its usage is kept.`,
  );
}

/** Asks with the whole id of the session, and returns it. */
async function confirmDeletion(deps: CommandDeps, text: string, forget: boolean): Promise<string> {
  requireTerminal();
  const { id, messages } = await withSession(deps, text, (found) => deps.client.snapshot(found));
  const session = `session ${stripControl(id)} with ${formatCount(messages, 'message')}`;
  await confirm(
    forget
      ? `Delete ${session}, its archive and its history in Temporal? They cannot be restored.`
      : `Delete ${session}? It is archived first if its policy says so (archiveOverMessages).`,
  );
  return id;
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
    if (fileErrorCode(error) === 'EEXIST')
      throw new CliError(`${file} already exists. Choose another file.`, EXIT.usage);
    throw new CliError(`Cannot write ${file}: ${fileErrorReason(error)}.`, EXIT.usage);
  });
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
