import { expect, test } from 'vitest';
import { extracted, extractionOf } from '../../../agents/context/extract-memories.ts';

const reply = (...contents: string[]) => ({ memories: contents.map((content) => ({ content, replaces: null })) });

test('what repeats the instructions, as small models do, is not remembered', () => {
  const { instructions } = extractionOf([], []);
  const sentences = instructions.split(/(?<=[.:])\s/);
  const contents = [...sentences, 'Do not repeat it!', `Zebulon: ${sentences.at(-1)}`, 'The user is called Zebulon.'];

  expect(sentences.length).toBeGreaterThan(5);
  for (const content of contents.slice(0, -1)) expect(extracted(reply(content), [])).toEqual([]);
  expect(extracted(reply(...contents), [])).toEqual([{ content: 'The user is called Zebulon.' }]);
});

test('a number of a known memory that there is none of replaces nothing', () => {
  const known = [{ id: 'a', content: 'Lives in Bern' }];
  const replacing = [0, -1, 2, 0.5, 1e300].map((replaces) => ({ content: `Fact ${replaces}`, replaces }));

  expect(extracted({ memories: replacing }, known).filter(({ replaces }) => replaces !== undefined)).toEqual([]);
  expect(extracted({ memories: [{ content: 'Lives in Basel', replaces: 1 }] }, known)).toEqual([
    { content: 'Lives in Basel', replaces: 'a' },
  ]);
});
