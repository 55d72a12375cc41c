import { expect, test } from 'vitest';
import { ofOwner } from '../../../cli/look/why.ts';

test('the commands that an explanation names are for the user of the session', () => {
  const text =
    '`perdure cancel trip` stops the run. `perdure why 01a2` shows it; `perdure doctor` checks `perdure worker`.';
  expect(ofOwner(text, undefined)).toBe(text);
  expect(ofOwner(text, 'bob')).toBe(
    '`perdure cancel trip --of bob` stops the run. `perdure why 01a2 --of bob` shows it; `perdure doctor` checks `perdure worker`.',
  );
  expect(ofOwner(text, "o'hara")).toContain("`perdure cancel trip --of 'o'");
});
