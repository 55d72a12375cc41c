export interface EmbedOptions {
  readonly signal: AbortSignal;
  /** Called before the vectors are returned, with the tokens that the endpoint reports; null if it reports none. */
  readonly onTokens?: ((tokens: number | null) => void) | undefined;
}

/** Makes vectors of texts. */
export interface Embedder {
  /** Names the space of the vectors: `provider/model`, with `@dimensions` where those are chosen. Vectors of two names are not comparable. */
  readonly space: string;
  /** Returns a vector for each text, in their order. Rejects with a ModelError, or with the signal's reason. */
  embed(texts: readonly string[], options: EmbedOptions): Promise<readonly (readonly number[])[]>;
}
