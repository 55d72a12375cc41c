import type { EmbedOptions, Embedder } from '../../models/embedder.ts';
import { ModelError } from '../../models/model-client.ts';

/** Words that mean the same. */
const MEANINGS: readonly (readonly string[])[] = [
  ['dog', 'hound', 'puppy', 'pet'],
  ['coffee', 'espresso', 'drink', 'beverage'],
  ['berlin', 'city', 'town', 'live', 'home'],
  ['allergic', 'allergy', 'peanuts', 'nuts'],
];

/** An embedder by meaning: a dimension for each group of words, and a small one for the text. */
export class FakeEmbedder implements Embedder {
  space = 'fake/words';
  /** The texts of each request. */
  readonly requests: string[][] = [];
  failure: Error | null = null;
  /** The tokens that it reports for each text; null: none. */
  tokens: number | null = null;
  /** A text that the endpoint refuses. */
  refused: string | null = null;

  async embed(texts: readonly string[], { onTokens }: Partial<EmbedOptions> = {}): Promise<number[][]> {
    this.requests.push([...texts]);
    if (this.failure) throw this.failure;
    if (this.refused !== null && texts.includes(this.refused)) {
      throw new ModelError('too_large', 'The provider fake rejected the call: too long.', {
        retryable: false,
        httpStatus: 400,
      });
    }
    onTokens?.(this.tokens === null ? null : this.tokens * texts.length);
    return texts.map((text) => vectorOf(text));
  }
}

function vectorOf(text: string): number[] {
  const words = text.toLowerCase().split(/\W+/);
  const meanings = MEANINGS.map((group) => words.filter((word) => group.includes(word)).length);
  const letters = Array.from({ length: 12 }, (_, index) => (text.length % (index + 2)) / 100 + 0.01);
  return [...meanings, ...letters];
}
