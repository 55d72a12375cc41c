import type { MemoryQuery } from '../../client/http/queries.ts';
import type { MemoryPage, MemorySearchMode } from '../../contracts/capabilities/memory.ts';
import { formatTime } from '../render/format-time.ts';
import { oneLine } from '../render/one-line.ts';
import { printTable } from '../render/print-table.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { printNextPage } from './print-next-page.ts';

/** `perdure memories`: lists what is remembered of a user, newest first. */
export async function listMemories(deps: CommandDeps, query: Omit<MemoryQuery, 'query'>): Promise<void> {
  const page = await deps.client.memories(query);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0)
    return deps.hint('No memories. Add one with `perdure memories add "Prefers short answers"`.');
  printMemories(deps, page.data);
  printNextPage(deps, page.nextCursor);
}

/** `perdure memories search QUERY`. */
export async function searchMemories(deps: CommandDeps, query: string, limit: number | undefined): Promise<void> {
  const page = await deps.client.memories({ query, limit });
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) deps.print('No matching memories.');
  else printMemories(deps, page.data, true);
  for (const note of searchNotes(page.search)) deps.print(note);
}

function printMemories(deps: CommandDeps, memories: MemoryPage['data'], isSearch = false): void {
  const rows = memories.map(({ id, content, createdAt, source, by = [] }) => [
    stripControl(id),
    formatTime(createdAt, deps),
    ...(isSearch ? [by.join('+')] : []),
    source.session === null ? '-' : stripControl(source.session),
    oneLine(content),
  ]);
  printTable(deps, [['MEMORY', 'SINCE', ...(isSearch ? ['FOUND BY'] : []), 'SESSION', 'CONTENT'], ...rows]);
}

/** What the search could not do. */
function searchNotes(search: MemorySearchMode | undefined): string[] {
  if (search?.reason === 'no_embeddings')
    return ['Searched by words only: no embedding model is configured (memory.embeddings in the deployment file).'];
  if (search?.reason === 'embeddings_unavailable')
    return ['Searched by words only: the embedding endpoint does not respond.'];
  if (search?.reason === 'budget_exceeded')
    return ['Searched by words only: your budget is spent. See it with: perdure budget'];
  return search?.pending ? ['Some memories have no vector yet; they are found by words only.'] : [];
}
