import { PerdureError } from '../../contracts/errors.ts';
import type { InboxItem, InboxKind } from '../../contracts/session/inbox-item.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** The shortest part of an id that the gateway searches for. */
const SHORTEST = 6;

/**
 * The approval or client call that `text` names: its id, or the beginning or end of it. Searches the user's sessions; without a match,
 * and if the user is an operator, those of all users. Throws a {@link CliError} for none, and for several.
 */
export async function findItem(
  { client, of }: Pick<CommandDeps, 'client' | 'of'>,
  text: string,
  kind: InboxKind,
): Promise<InboxItem> {
  const query = { item: text.replace(/…$/, ''), kind, status: 'all' } as const;
  if (query.item.length < SHORTEST) {
    throw new CliError(
      `${JSON.stringify(text)} is too short to be part of the id of an item: use at least ${SHORTEST} characters. \`perdure inbox\` lists the items.`,
      EXIT.usage,
    );
  }
  const own = (await client.inbox({ ...query, user: of })).data;
  const found =
    own.length === 0 && of === undefined ? await itemsOfAll(() => client.inbox({ ...query, all: true })) : own;
  const [item] = found.length > 1 ? found.filter(({ status }) => status === 'pending') : found;
  if (item && (found.length === 1 || found.filter(({ status }) => status === 'pending').length === 1)) return item;
  const what = kind === 'approval' ? 'approval' : 'client call';
  if (found.length === 0) {
    throw new PerdureError(
      'not_found',
      `There is no ${what} ${JSON.stringify(text.slice(0, 80))}. \`perdure inbox\` lists what waits for an answer.`,
    );
  }
  const ids = found.slice(0, 5).map(({ id, tool, sessionId }) => `  ${id}  ${tool}, session ${sessionId}`);
  throw new CliError(`Several items match ${JSON.stringify(text)}. Use more of the id:\n${ids.join('\n')}`, EXIT.usage);
}

/** None for a user who is no operator. */
async function itemsOfAll(list: () => Promise<{ readonly data: readonly InboxItem[] }>): Promise<readonly InboxItem[]> {
  try {
    return (await list()).data;
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'forbidden') return [];
    throw error;
  }
}
