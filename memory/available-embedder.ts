import { LRUCache } from 'lru-cache';
import { LIMITS } from '../contracts/limits.ts';
import type { Embedder } from '../models/embedder.ts';
import { ModelError } from '../models/model-client.ts';
import { contentHash } from '../store/memory/embeddings.ts';
import type { Log } from '../telemetry/log.ts';

type Vector = readonly number[];

/** Vectors of queries that a process keeps. */
const QUERIES = 500;

/** Called for each request that the endpoint has answered, with its texts and the tokens that it reports. */
export type OnCall = (texts: readonly string[], tokens: number | null) => void;

export interface AvailableEmbedder {
  readonly space: string;
  /** The vectors of texts; null while the endpoint is unavailable. A refused text, such as one too long for the model, has none. */
  embed(texts: readonly string[], timeoutMs: number, onCall?: OnCall): Promise<readonly (Vector | null)[] | null>;
  /** The vector of a query that was made before; null if it was not. */
  knownQuery(query: string): Vector | null;
  /** The vector of a query, which is then known. Null while the endpoint is unavailable, or if it refuses the query. */
  embedQuery(query: string, onCall?: OnCall): Promise<Vector | null>;
}

/** Calls an endpoint that may be away: never rejects, and does not call it again for a while after it has failed. */
export function availableEmbedder(
  embedder: Embedder,
  log: Pick<Log, 'warn' | 'info'> | null = null,
  now: () => number = Date.now,
): AvailableEmbedder {
  const queries = new LRUCache<string, Vector>({ max: QUERIES });
  let pausedUntil = 0;

  const call = async (texts: readonly string[], timeoutMs: number, onCall?: OnCall): Promise<readonly Vector[]> => {
    let tokens: number | null = null;
    const onTokens = (reported: number | null): void => void (tokens = reported);
    const vectors = await embedder.embed(texts, { signal: AbortSignal.timeout(timeoutMs), onTokens });
    // Also paid for if the vectors cannot be used.
    onCall?.(texts, tokens);
    const usable = vectors.map(storable);
    if (pausedUntil > 0) log?.info('The embedding endpoint responds again', { model: embedder.space });
    pausedUntil = 0;
    return usable;
  };

  const failed = (error: unknown): null => {
    const isNews = pausedUntil === 0;
    pausedUntil = now() + LIMITS.embeddingPauseMs.value;
    if (isNews)
      log?.warn('The embedding endpoint failed; memories are searched by full text', { model: embedder.space, error });
    return null;
  };

  /** Whether it accepts any text. Otherwise it refuses the model or its settings, not the texts. */
  const accepts = async (timeoutMs: number, onCall?: OnCall): Promise<boolean> =>
    await call(['memory'], timeoutMs, onCall).then(
      () => true,
      () => false,
    );

  /** Of a text with which the endpoint failed while it accepts others: some servers respond so to one that is too long. Refused if it fails again. */
  const again = async (
    texts: readonly string[],
    timeoutMs: number,
    onCall?: OnCall,
  ): Promise<readonly (Vector | null)[] | null> => {
    try {
      return await call(texts, timeoutMs, onCall);
    } catch (error) {
      return isRefusal(error) || isServerError(error) ? [null] : failed(error);
    }
  };

  const embed: AvailableEmbedder['embed'] = async (texts, timeoutMs, onCall) => {
    if (texts.length === 0) return [];
    if (now() < pausedUntil) return null;
    try {
      return await call(texts, timeoutMs, onCall);
    } catch (error) {
      const isRefused = isRefusal(error);
      if (!isRefused && !isServerError(error)) return failed(error);
      if (!(await accepts(timeoutMs, onCall))) return failed(error);
      if (texts.length === 1) return isRefused ? [null] : await again(texts, timeoutMs, onCall);
    }
    // One of the texts is refused. The others are not to wait for it.
    const each: (Vector | null)[] = [];
    for (const text of texts) {
      const one = await embed([text], timeoutMs, onCall);
      if (one === null) return null;
      each.push(...one);
    }
    return each;
  };

  return {
    space: embedder.space,
    embed,
    knownQuery: (query) => queries.get(contentHash(query)) ?? null,
    async embedQuery(query, onCall) {
      const key = contentHash(query);
      const known = queries.get(key);
      if (known !== undefined) return known;
      const vector = (await embed([query], LIMITS.embeddingWaitMs.value, onCall))?.[0] ?? null;
      if (vector !== null) queries.set(key, vector);
      return vector;
    },
  };
}

/** Whether the endpoint refuses the texts themselves, rather than the caller or the model's name. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof ModelError)) return false;
  return error.reason === 'too_large' || (error.reason === 'invalid_request' && error.httpStatus === 400);
}

/** An error of the endpoint, or a vector that cannot be used. */
function isServerError(error: unknown): boolean {
  return error instanceof ModelError && error.reason === 'server_error';
}

/** A vector in the precision of the store, which accepts no number that is too large or too small for it. */
function storable(given: Vector): Vector {
  const { value: max } = LIMITS.embeddingDimensions;
  const vector = given.slice(0, max + 1).map((one) => Math.fround(one));
  if (vector.length > 0 && vector.length <= max && vector.every((one) => Number.isFinite(one))) return vector;
  throw new ModelError(
    'server_error',
    `The embedding endpoint returned a vector of ${given.length} dimensions that cannot be used. Use a model with 1 to ${max} dimensions and finite numbers, or set memory.embeddings.dimensions.`,
    { retryable: false },
  );
}
