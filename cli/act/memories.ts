import { oneLine } from '../render/one-line.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { confirm, requireTerminal, type ConfirmOption } from '../shared/confirm.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { readUtf8 } from '../shared/read-utf8.ts';

/** `perdure memories add TEXT`. */
export async function addMemory(
  deps: CommandDeps,
  text: string,
  { replaces }: { readonly replaces?: string },
): Promise<void> {
  const content = text === '-' ? await readUtf8(process.stdin, 'Standard input') : text;
  const remembered = await deps.client.remember({ content, ...(replaces === undefined ? {} : { replaces }) });
  if (deps.json) return deps.printJson(remembered);
  const { created, memory, vector } = remembered;
  deps.print(
    `${created ? 'Remembered' : 'Already remembered'} as ${stripControl(memory.id)}: ${oneLine(memory.content)}`,
  );
  if (vector === 'pending') deps.print('Its vector is added later; until then it is found by words only.');
}

/** `perdure memories forget ID`, or `--all`. */
export async function forgetMemories(
  deps: CommandDeps,
  id: string | undefined,
  { all, yes }: ConfirmOption & { readonly all?: boolean },
): Promise<void> {
  if ((id === undefined) === (all !== true)) {
    throw new CliError('Name one memory by its id, or pass --all. `perdure memories` lists them.', EXIT.usage);
  }
  if (all === true && yes !== true) {
    requireTerminal();
    await confirm(`Forget all memories${deps.of === undefined ? '' : ` of ${stripControl(deps.of)}`}?`);
  }
  const result = id === undefined ? await deps.client.forgetAll() : await deps.client.forget(id);
  if (deps.json) return deps.printJson(result);
  deps.print(`Forgot ${formatCount(result.forgotten, 'memory', 'memories')}.`);
}
