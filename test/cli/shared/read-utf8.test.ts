import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { EXIT } from '../../../cli/shared/exit-codes.ts';
import { decodeUtf8, readUtf8, utf8Transform } from '../../../cli/shared/read-utf8.ts';

/** A stream that delivers one byte at a time. */
function byBytes(bytes: Uint8Array): Readable {
  return Readable.from(
    [...bytes].map((byte) => Uint8Array.of(byte)),
    { objectMode: false },
  );
}

const where = 'Standard input';

test('characters that are split between chunks are whole, and a byte order mark is left out', async () => {
  const bytes = new TextEncoder().encode('\uFEFFGrüße 👋');
  expect(decodeUtf8(bytes, where)).toBe('Grüße 👋');
  expect(await readUtf8(byBytes(bytes), where)).toBe('Grüße 👋');
  expect(await text(byBytes(bytes).pipe(utf8Transform(where)))).toBe('Grüße 👋');
});

test('other bytes are refused with where they come from', async () => {
  const latin1 = Buffer.from('Grüße', 'latin1');
  const cut = new TextEncoder().encode('ü').subarray(0, 1);
  for (const bytes of [latin1, cut]) {
    const error = { exitCode: EXIT.usage, message: expect.stringMatching(/^Standard input is not UTF-8/) };
    await expect(readUtf8(byBytes(bytes), where)).rejects.toMatchObject(error);
    await expect(text(byBytes(bytes).pipe(utf8Transform(where)))).rejects.toMatchObject(error);
  }
});
