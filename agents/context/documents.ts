import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { quoteValue } from '../../core/text/quote-value.ts';
import { defineContextProvider } from './define-context-provider.ts';
import { indexOf } from './document-folder.ts';

const INTRODUCTION =
  'Passages from documents that may help with the answer, each after its source. If you use one, name its source. If none fits, ignore them.';

/**
 * Searches a folder of Markdown files for the messages of a run, by full text, and adds the best passages to the
 * instructions, each with its source. The folder is read again when its files change.
 */
export const documents = defineContextProvider({
  name: 'documents',
  optionsSchema: z.strictObject({
    /** Relative to the folder of agents. Subfolders are included. */
    folder: z.string().min(1).max(1_000),
    /** The number of passages, of at most 1,500 characters each. */
    passages: z.number().int().min(1).max(50).default(3),
  }),
  checkOptions: ({ folder }, base) => {
    const found = statSync(resolve(base, folder), { throwIfNoEntry: false });
    if (found?.isDirectory()) return null;
    const problem = found ? 'is no folder' : 'does not exist';
    return `the folder ${quoteValue(folder)} ${problem} in ${base}; create it, or correct the path`;
  },
  beforeRun: async ({ messages, options, folder }) => {
    const index = await indexOf(resolve(folder, options.folder));
    const found = index.search(messages.map(({ content }) => content).join('\n'), options.passages);
    if (found.length === 0) return undefined;
    const passages = found.map(({ source, text }) => `[${source}]\n${text}`);
    return { instructions: [INTRODUCTION, ...passages].join('\n\n') };
  },
});
