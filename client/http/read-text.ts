import { PerdureError } from '../../contracts/errors.ts';

/** Above every page and every exported session that a gateway sends. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;

/** The body of a response as text. Throws `too_large`, and cancels the body, once it exceeds `maxBytes`. */
export async function readText(response: Response, maxBytes: number = MAX_RESPONSE_BYTES): Promise<string> {
  if (response.body === null) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return `${parts.join('')}${decoder.decode()}`;
      bytes += value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      parts.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function tooLarge(maxBytes: number): PerdureError {
  return new PerdureError(
    'too_large',
    `The gateway's response exceeds ${maxBytes} bytes. Check that the address is a Perdure gateway, or ask for smaller pages.`,
  );
}
