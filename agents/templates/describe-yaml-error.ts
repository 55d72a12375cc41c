import type { YAMLError } from 'yaml';

/** The parser's messages for frequent mistakes, which do not say what to do, and better ones. */
const MISTAKES: readonly (readonly [RegExp, string])[] = [
  [/^Tabs are not allowed/, 'a tab is no indent; use spaces'],
  [/^Source contains multiple documents/, 'more than one document; remove "---", or put the rest in its own file'],
  [/^Nested mappings are not allowed/, 'a second ": " in the line, or a wrong indent; put a text with ": " in quotes'],
  [/^Implicit map keys need/, 'a line that is no field; write "name: value", or indent a text that continues'],
  [/^Implicit keys need to be on a single line/, 'a line without ": "; write each field as "name: value"'],
  [/^Plain value cannot start with/, 'a text that begins with a special character; put it in quotes'],
  [/^Unresolved tag/, 'a text that begins with "!" is a tag; put it in quotes'],
  [/end with a \]/, 'a "[" without its "]"; add it'],
  [/end with a \}/, 'a "{" without its "}"; add it'],
  [/^Missing closing/, 'a quote that is not closed; add the closing one'],
];

/** Describes an error in a YAML text, with its remedy if the mistake is a frequent one. */
export function describeYamlError({ code, message, pos }: YAMLError, text: string): string {
  if (code === 'DUPLICATE_KEY') {
    const [field = ''] = /^[^:\n]*/.exec(text.slice(pos[0])) ?? [];
    return `invalid YAML: the field "${field.trim().slice(0, 64)}" is given twice; remove one`;
  }
  return `invalid YAML: ${MISTAKES.find(([pattern]) => pattern.test(message))?.[1] ?? message}`;
}
