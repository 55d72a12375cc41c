/** Metadata from the command line: JSON where a value is JSON, otherwise text; null for an empty value. */
export function metadataOf(given: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).map(([name, text]) => [name, text === '' ? null : valueOf(text)]));
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
