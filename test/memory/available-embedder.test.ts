import { expect, test } from 'vitest';
import { LIMITS } from '../../contracts/limits.ts';
import { availableEmbedder } from '../../memory/available-embedder.ts';
import { ModelError } from '../../models/model-client.ts';
import { FakeEmbedder } from './fake-embedder.ts';

const refusal = () => new ModelError('invalid_request', 'Refused.', { retryable: false, httpStatus: 400 });
const away = () => new ModelError('connection', 'Away.', { retryable: true });

test('of a refused batch the other texts get their vectors', async () => {
  const fake = new FakeEmbedder();
  fake.refused = 'b';
  const vectors = await availableEmbedder(fake).embed(['a', 'b', 'c'], 1_000);

  expect(vectors?.map((vector) => vector !== null)).toEqual([true, false, true]);
});

test('an endpoint that refuses every text, as for a wrong setting, counts as unavailable', async () => {
  const fake = new FakeEmbedder();
  fake.failure = refusal();

  expect(await availableEmbedder(fake).embed(['a', 'b'], 1_000)).toBeNull();
});

test('a failed endpoint is called again after a pause, and its failure and return are logged once', async () => {
  const fake = new FakeEmbedder();
  fake.failure = away();
  const lines: string[] = [];
  let now = 1_000;
  const log = { warn: (line: string) => lines.push(line), info: (line: string) => lines.push(line) };
  const embedder = availableEmbedder(fake, log, () => now);

  expect([await embedder.embed(['a'], 1_000), await embedder.embed(['a'], 1_000)]).toEqual([null, null]);
  now += LIMITS.embeddingPauseMs.value;
  expect(await embedder.embed(['a'], 1_000)).toBeNull();
  now += LIMITS.embeddingPauseMs.value;
  fake.failure = null;
  expect(await embedder.embed(['a'], 1_000)).toHaveLength(1);
  expect(fake.requests).toHaveLength(3);
  expect(lines).toEqual([expect.stringContaining('failed'), expect.stringContaining('responds again')]);
});

test('the vector of a query is cached', async () => {
  const fake = new FakeEmbedder();
  const embedder = availableEmbedder(fake);
  await embedder.embedQuery('which pet');
  await embedder.embedQuery('which pet');

  expect(fake.requests).toEqual([['which pet']]);
});

test.each([
  ['none', []],
  ['too many dimensions', Array.from({ length: LIMITS.embeddingDimensions.value + 1 }, () => 1)],
  ['a number that is none', [1, Number.NaN]],
  ['a number that the store cannot hold', [1, 1e39]],
])('a vector with %s is not used', async (_, vector) => {
  const embed = async (texts: readonly string[]) => texts.map(() => vector);

  expect(await availableEmbedder({ space: 'x', embed }).embed(['a'], 1_000)).toBeNull();
});

test('a number too small for the store becomes 0, as in 32 bits', async () => {
  const vector = [0.1, 1e-60];
  const embed = async (texts: readonly string[]) => texts.map(() => vector);

  expect(await availableEmbedder({ space: 'x', embed }).embed(['a'], 1_000)).toEqual([[Math.fround(0.1), 0]]);
});

test.each([
  ['an error of the server', () => Promise.reject(new ModelError('server_error', 'Failed.', { retryable: true }))],
  ['a vector without numbers', () => Promise.resolve([])],
])('a text to which the endpoint responds with %s holds up no other text', async (_, respond) => {
  const embed = async (texts: readonly string[]) =>
    await Promise.all(texts.map(async (text) => (text === 'bad' ? await respond() : [1, 2])));
  const embedder = availableEmbedder({ space: 'x', embed });

  expect(await embedder.embed(['a', 'bad', 'c'], 1_000)).toEqual([[1, 2], null, [1, 2]]);
  expect(await embedder.embed(['a'], 1_000)).toEqual([[1, 2]]);
});

test('a text with which an endpoint failed once gets its vector', async () => {
  let failures = 2;
  const embed = async (texts: readonly string[]) => {
    if (texts.includes('a') && failures-- > 0) throw new ModelError('server_error', 'Failed.', { retryable: true });
    return texts.map(() => [1]);
  };

  expect(await availableEmbedder({ space: 'x', embed }).embed(['a', 'b'], 1_000)).toEqual([[1], [1]]);
});
