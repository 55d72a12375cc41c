import { expect, test } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { read } from './documents.ts';

test('every command in docs/upgrading.md exists, with its options', () => {
  const text = read('docs/upgrading.md');
  const lines = [...text.matchAll(/^(?:\S+=\S+ )?(?:npx )?perdure ([a-z][^#\n]*)/gm)].map(([, line = '']) =>
    line.trim(),
  );
  expect(lines.length).toBeGreaterThan(8);
  const program = createProgram({}, () => {});
  for (const line of lines) {
    const words = line.split(/\s+/);
    let command = program;
    while (words[0] !== undefined) {
      const next = command.commands.find((one) => one.name() === words[0]);
      if (next === undefined) break;
      command = next;
      words.shift();
    }
    expect({ line, command: command.name() }).not.toEqual({ line, command: 'perdure' });
    for (const option of words.filter((word) => word.startsWith('--'))) {
      expect({ line, options: command.options.map(({ long }) => long) }).toMatchObject({
        options: expect.arrayContaining([option]),
      });
    }
  }
});
