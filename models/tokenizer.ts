/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number;

/** Encodings by the names of OpenAI's models. Models of other providers are estimated. */
const ENCODINGS = [
  [/^(?:ft:)?(?:chatgpt-4o|gpt-4o|gpt-4\.[15]|gpt-[5-9]|o\d)/, 'o200k_base'],
  [/^(?:ft:)?gpt-(?:4|3\.5)/, 'cl100k_base'],
] as const;
type Encoding = (typeof ENCODINGS)[number][1];

const PROVIDERS = /^openai(?:-responses)?\//;

/** Texts are counted in pieces of this length, because the time for a text without spaces grows with its square. A boundary costs at most one token. */
const PIECE_CHARACTERS = 500;

/** The encoding of `provider/model`; null if it is not known. */
export function encodingOf(model: string): Encoding | null {
  if (!PROVIDERS.test(model)) return null;
  const name = model.replace(PROVIDERS, '');
  return ENCODINGS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

const loading = new Map<Encoding, Promise<CountTokens>>();

/** Loads the tokenizer of an encoding, once in a process: 0.2 s and 70 MB. */
export function loadTokenizer(encoding: Encoding): Promise<CountTokens> {
  const loaded = loading.get(encoding) ?? load(encoding);
  loading.set(encoding, loaded);
  return loaded;
}

async function load(encoding: Encoding): Promise<CountTokens> {
  const { countTokens } =
    encoding === 'o200k_base'
      ? await import('gpt-tokenizer/encoding/o200k_base')
      : await import('gpt-tokenizer/encoding/cl100k_base');
  // Names of special tokens in a text are text.
  const asText = { disallowedSpecial: new Set<string>() };
  return (text) => {
    let tokens = 0;
    for (let at = 0; at < text.length; at += PIECE_CHARACTERS) {
      tokens += countTokens(text.slice(at, at + PIECE_CHARACTERS), asText);
    }
    return tokens;
  };
}
