import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ProviderContribution, ProviderRun } from '../../../agents/context/context-provider.ts';
import { documents } from '../../../agents/context/documents.ts';
import { PassageIndex, passagesOf } from '../../../agents/context/passages.ts';
import { userProfile } from '../../../agents/context/user-profile.ts';
import type { JsonObject } from '../../../contracts/json.ts';
import { toolContext } from '../../support/tool-context.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function contributionOf(
  { definition }: { readonly definition: (typeof userProfile)['definition'] },
  run: {
    readonly metadata?: JsonObject;
    readonly content?: string;
    readonly options?: JsonObject;
    readonly folder?: string;
  },
): Promise<ProviderContribution | undefined> {
  const given: ProviderRun = {
    session: { user: 'ann', session: 'main' },
    runId: 'run',
    agent: 'assistant',
    messages: [{ id: 'm', content: run.content ?? 'Hello' }],
    metadata: run.metadata ?? {},
    memories: toolContext().memories,
    state: {},
    options: run.options ?? {},
    folder: run.folder ?? '.',
    idempotencyKey: 'key',
    attempt: 1,
    signal: AbortSignal.timeout(60_000),
  };
  return (await definition.beforeRun?.(given)) as ProviderContribution | undefined;
}

test('the user profile adds each field of the profile in the metadata', async () => {
  const profile = { name: 'Ann', language: 'German', likes: ['tea', 'rain'] };
  expect(await contributionOf(userProfile, { metadata: { profile } })).toEqual({
    instructions: 'About the user:\n- name: Ann\n- language: German\n- likes: ["tea","rain"]',
  });
  expect(await contributionOf(userProfile, { metadata: { profile: 'Prefers short answers.' } })).toEqual({
    instructions: 'About the user:\nPrefers short answers.',
  });
});

test.each([{}, { profile: {} }, { profile: null }, { profile: 7 }, { profile: ' ' }, { other: 'x' }])(
  'the user profile adds nothing for the metadata %j',
  async (metadata) => {
    expect(await contributionOf(userProfile, { metadata })).toBeUndefined();
  },
);

const RETURNS = `---
title: Returns
---
# Returns

Send goods back within 30 days.

## Refunds

A refund takes five working days.

\`\`\`
# no heading
refund --order 1
\`\`\`

### Gift cards

Gift cards are not refunded.

# Contact

Write to us.
`;

test('a document is split at its headings, each passage with its source', () => {
  expect(passagesOf('returns.md', RETURNS)).toEqual([
    { source: 'returns.md › Returns', text: 'Send goods back within 30 days.' },
    {
      source: 'returns.md › Returns › Refunds',
      text: 'A refund takes five working days.\n\n```\n# no heading\nrefund --order 1\n```',
    },
    { source: 'returns.md › Returns › Refunds › Gift cards', text: 'Gift cards are not refunded.' },
    { source: 'returns.md › Contact', text: 'Write to us.' },
  ]);
});

test('long sections are split between paragraphs, and none is lost', () => {
  const paragraphs = Array.from({ length: 40 }, (_, at) => `Paragraph ${at} ${'word '.repeat(40)}`.trim());
  const passages = passagesOf('long.md', `# Long\n\n${paragraphs.join('\n\n')}\n\n${'y'.repeat(4_000)}`);
  for (const { text } of passages) expect(text.length).toBeLessThanOrEqual(1_500);
  const all = passages.map(({ text }) => text).join('\n\n');
  for (const paragraph of paragraphs) expect(all).toContain(paragraph);
  expect(all.replaceAll(/[^y]/g, '').length).toBe(4_000);
});

test('the passages with the rare words of a question come first, and those without are left out', async () => {
  const filler = Array.from({ length: 30 }, (_, at) => ({
    source: `f${at}.md`,
    text: `The shop is open on day ${at}.`,
  }));
  const index = await PassageIndex.of([...filler, ...passagesOf('returns.md', RETURNS)]);
  const found = index.search('How long does the refund take?', 3).map(({ source }) => source);
  expect(found[0]).toBe('returns.md › Returns › Refunds');
  expect(found.some((source) => source.startsWith('f'))).toBe(false);
  const misspelt = index.search('How are refnuds paid?', 1).map(({ source }) => source);
  expect(misspelt).toEqual([expect.stringContaining('returns.md › Returns › Refunds')]);
  expect(index.search('Zebra?', 3)).toEqual([]);
});

test('documents adds the best passages of a folder with their sources, and follows its changes', async () => {
  const base = await temporaryFolder();
  const write = async (name: string, text: string) => {
    await mkdir(dirname(join(base, name)), { recursive: true });
    await writeFile(join(base, name), text);
  };
  await write('handbook/shop/returns.md', RETURNS);
  await write('handbook/hours.md', 'Open from nine to five.');
  await write('handbook/.hidden.md', 'The refund is secret.');
  await write('handbook/refund.txt', 'The refund is no Markdown.');
  const options = { folder: './handbook', passages: 1 };
  const ask = (content: string) => contributionOf(documents, { content, options, folder: base });
  const first = await ask('When do I get my refund?');
  expect(first?.instructions).toMatch(
    /^Passages from documents[^]*\n\n\[shop\/returns\.md › Returns › Refunds\]\nA refund takes/,
  );
  expect(first?.instructions).not.toContain('secret');
  expect(await ask('Zebra?')).toBeUndefined();
  await write('handbook/zebra.md', 'A zebra has stripes.');
  await rm(join(base, 'handbook/hours.md'));
  const later = performance.now() + 3_000;
  vi.spyOn(performance, 'now').mockReturnValue(later);
  onTestFinished(() => void vi.restoreAllMocks());
  expect((await ask('Zebra?'))?.instructions).toContain('[zebra.md]\nA zebra has stripes.');
  expect(await ask('nine')).toBeUndefined();
});

test('a folder of documents that cannot be read rejects, and is tried again', async () => {
  const base = await temporaryFolder();
  const ask = () =>
    contributionOf(documents, { content: 'zebra', options: { folder: 'late', passages: 1 }, folder: base });
  await expect(ask()).rejects.toThrow('ENOENT');
  await mkdir(join(base, 'late'));
  await writeFile(join(base, 'late/a.md'), 'A zebra.');
  expect((await ask())?.instructions).toContain('A zebra.');
});
