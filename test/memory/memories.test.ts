import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createMemories, type Memories } from '../../memory/create-memories.ts';
import { ModelError } from '../../models/model-client.ts';
import { DATABASES, describeStores } from '../support/store/databases.ts';
import { FakeEmbedder } from './fake-embedder.ts';

const contents = (found: { readonly data: readonly { readonly content: string }[] }) =>
  found.data.map(({ content }) => content);
const newUser = () => `ada-${randomUUID()}`;
const away = () => new ModelError('connection', 'The connection to the provider fake failed.', { retryable: true });

describeStores(DATABASES, (db) => {
  describe.each([
    { what: 'pgvector, where the store has it', pgvector: true },
    { what: 'codes', pgvector: false },
  ])('with vectors, searched by $what', ({ pgvector }) => {
    const open = (embedder = new FakeEmbedder()): { memories: Memories; embedder: FakeEmbedder } => ({
      memories: createMemories({ db: db(), embedder, pgvector }),
      embedder,
    });

    test('a memory is found by its meaning, without a word of it', async () => {
      const { memories } = open();
      const user = newUser();
      await memories.remember(user, { content: 'Has a hound called Rex' });
      await memories.remember(user, { content: 'Never takes sugar' });

      const { data, search } = await memories.search(user, 'Which pet?');

      expect(data[0]).toMatchObject({ content: 'Has a hound called Rex', by: ['vector'] });
      expect(search).toEqual({ mode: 'hybrid', reason: null, pending: false });
    });

    test('what text and meaning both find comes first', async () => {
      const { memories } = open();
      const user = newUser();
      await memories.remember(user, { content: 'A puppy came along' });
      await memories.remember(user, { content: 'The dog is called Rex' });
      await memories.remember(user, { content: 'Rex is also the name of a cinema' });

      const { data } = await memories.search(user, 'dog Rex');

      expect(data[0]).toMatchObject({ content: 'The dog is called Rex', by: ['text', 'vector'] });
    });

    test('a correction takes the place of what it corrects', async () => {
      const { memories } = open();
      const user = newUser();
      const old = await memories.remember(user, { content: 'Lives in the city of Berlin' });
      const { memory } = await memories.remember(user, {
        content: 'Lives in the city of Rome',
        replaces: old.memory.id,
      });

      expect(memory.replaces).toBe(old.memory.id);
      expect(contents(await memories.search(user, 'Berlin home'))).toEqual(['Lives in the city of Rome']);
      expect(contents(await memories.list(user))).toEqual(['Lives in the city of Rome']);
    });

    test('a forgotten memory is found no more, nor what it had corrected, and its vector leaves the cache', async () => {
      const { memories, embedder } = open();
      const [user, other] = [newUser(), newUser()];
      const secret = `Is allergic to peanuts ${randomUUID()}`;
      const first = await memories.remember(user, { content: `${secret}?` });
      const second = await memories.remember(user, { content: secret, replaces: first.memory.id });
      const others = await memories.remember(other, { content: secret });

      expect(await memories.forget(user, second.memory.id)).toBe(2);
      expect((await memories.search(user, 'nuts peanuts')).data).toEqual([]);
      expect(await rowsWith(secret)).toEqual({ memories: 1, embeddings: 1 });

      await memories.forget(other, others.memory.id);
      expect(await rowsWith(secret)).toEqual({ memories: 0, embeddings: 0 });
      expect(embedder.requests.filter((texts) => texts.includes(secret))).toHaveLength(1);
    });

    test('while the endpoint is away a search is by full text, and vectors are added later', async () => {
      const { memories, embedder } = open();
      const user = newUser();
      embedder.failure = away();
      const content = `Drinks espresso ${randomUUID()}`;
      const { vector } = await memories.remember(user, { content });
      const during = await memories.search(user, 'espresso');

      expect(vector).toBe('pending');
      expect(contents(during)).toEqual([content]);
      expect(during.search).toEqual({ mode: 'text', reason: 'embeddings_unavailable', pending: true });

      const later = open();
      await later.memories.addVectors();
      const after = await later.memories.search(user, 'a beverage');

      expect(contents(after)).toEqual([content]);
      expect(after.search).toEqual({ mode: 'hybrid', reason: null, pending: false });
    });

    test('after a failure the endpoint is left alone for a while', async () => {
      const { memories, embedder } = open();
      const user = newUser();
      embedder.failure = away();
      for (const query of ['one', 'two', 'three']) await memories.search(user, query);

      expect(embedder.requests).toHaveLength(1);
    });

    test('a text that the model refuses is found by full text, and holds up no other', async () => {
      const { memories, embedder } = open();
      const user = newUser();
      embedder.failure = away();
      const long = `A very long story ${randomUUID()}`;
      await memories.remember(user, { content: long });
      await memories.remember(user, { content: 'Has a dog' });
      const later = open();
      later.embedder.refused = long;
      await later.memories.addVectors();

      expect(contents(await later.memories.search(user, 'puppy'))).toEqual(['Has a dog']);
      expect(contents(await later.memories.search(user, 'story'))).toContain(long);
      expect((await later.memories.search(user, 'story')).search.pending).toBe(false);
    });

    test('another model makes its own vectors', async () => {
      const { memories } = open();
      const user = newUser();
      await memories.remember(user, { content: 'Has a dog' });
      const next = new FakeEmbedder();
      next.space = `fake/${randomUUID()}`;
      const changed = createMemories({ db: db(), embedder: next, pgvector });

      expect((await changed.search(user, 'pet')).search).toMatchObject({ mode: 'hybrid', pending: true });
      await changed.addVectors();
      expect((await changed.search(user, 'pet')).search.pending).toBe(false);
      expect(contents(await changed.search(user, 'pet'))).toEqual(['Has a dog']);
    });

    test('after all is forgotten, what is remembered next is found by processes that have searched before', async () => {
      const [here, there] = [open(), open()];
      const user = newUser();
      await here.memories.remember(user, { content: 'Has a dog' });
      await there.memories.search(user, 'pet');
      await here.memories.forgetAll(user);
      await here.memories.remember(user, { content: 'Drinks coffee' });
      await here.memories.remember(user, { content: 'Has a puppy' });

      expect(contents(await there.memories.search(user, 'pet'))[0]).toBe('Has a puppy');
    });

    test('what another process has remembered or forgotten counts at once', async () => {
      const [here, there] = [open(), open()];
      const user = newUser();
      const dog = await here.memories.remember(user, { content: 'Has a dog' });
      await there.memories.search(user, 'pet');
      await here.memories.remember(user, { content: 'Had a hound before' });
      await here.memories.forget(user, dog.memory.id);

      expect(contents(await there.memories.search(user, 'pet'))).toEqual(['Had a hound before']);
    });
  });

  const textOnly = (perUser?: number) => createMemories({ db: db(), perUser });

  describe('by full text alone', () => {
    test('a search says that there are no embeddings', async () => {
      const memories = textOnly();
      const user = newUser();
      const { vector } = await memories.remember(user, { content: 'Prefers window seats' });
      const { data, search } = await memories.search(user, 'Which SEATS?');

      expect(vector).toBe('off');
      expect(data).toMatchObject([{ content: 'Prefers window seats', by: ['text'] }]);
      expect(search).toEqual({ mode: 'text', reason: 'no_embeddings', pending: false });
    });

    test('rare words of the query count more than frequent ones', async () => {
      const memories = textOnly();
      const user = newUser();
      await memories.remember(user, { content: 'The name of the boat is Argo' });
      for (let n = 0; n < 5; n += 1) await memories.remember(user, { content: `The name of the street ${n} is long` });

      expect(contents(await memories.search(user, 'what is the name of the boat', { limit: 1 }))).toEqual([
        'The name of the boat is Argo',
      ]);
    });

    test('a query is text, whatever characters it has', async () => {
      const memories = textOnly();
      const user = newUser();
      await memories.remember(user, { content: `It's at C:\\temp\\it's & (b | !c):* "quoted" <-> done` });
      for (const query of [`it's`, `C:\\temp`, `a & | ! ( ) :* <->`, `'; DROP TABLE x; --`, '\u0000', '日本', '']) {
        await expect(memories.search(user, query)).resolves.toBeDefined();
      }
      expect((await memories.search(user, `"quoted" \\temp`)).data).toHaveLength(1);
    });

    test('the same content is remembered once', async () => {
      const memories = textOnly();
      const user = newUser();
      const first = await memories.remember(user, { content: 'Likes tea' });
      const again = await Promise.all([1, 2, 3].map(() => memories.remember(user, { content: '  Likes tea\n' })));

      expect(again.map(({ created, memory }) => [created, memory.id])).toEqual(
        [1, 2, 3].map(() => [false, first.memory.id]),
      );
      expect((await memories.list(user)).data).toHaveLength(1);
    });

    test('a memory keeps its source', async () => {
      const memories = textOnly();
      const user = newUser();
      const source = { session: 'main', run: 'run-1', message: 'message-1' };
      const { memory } = await memories.remember(user, { content: 'Likes tea', source });

      expect((await memories.list(user)).data).toEqual([memory]);
      expect(memory.source).toEqual(source);
    });

    test('a superseded memory cannot be replaced again; the error names the one that did', async () => {
      const memories = textOnly();
      const user = newUser();
      const old = await memories.remember(user, { content: 'One' });
      const next = await memories.remember(user, { content: 'Two', replaces: old.memory.id });

      await expect(memories.remember(user, { content: 'Three', replaces: old.memory.id })).rejects.toMatchObject({
        code: 'not_found',
        message: expect.stringContaining(next.memory.id) as string,
      });
      await expect(memories.remember(user, { content: 'Three', replaces: 'none' })).rejects.toMatchObject({
        code: 'not_found',
      });
    });

    test('a correction to what is known already forgets both together', async () => {
      const memories = textOnly();
      const user = newUser();
      const one = await memories.remember(user, { content: 'One' });
      const two = await memories.remember(user, { content: 'Two' });
      const joined = await memories.remember(user, { content: 'Two', replaces: one.memory.id });

      expect(joined).toMatchObject({ created: false, memory: { id: two.memory.id } });
      expect(contents(await memories.list(user))).toEqual(['Two']);
      expect(await memories.forget(user, two.memory.id)).toBe(2);
    });

    test('pages of the list have each memory once, newest first', async () => {
      const memories = textOnly();
      const user = newUser();
      const ids: string[] = [];
      for (let n = 0; n < 7; n += 1) ids.unshift((await memories.remember(user, { content: `Number ${n}` })).memory.id);
      const read: string[] = [];
      for (let cursor: string | undefined; ;) {
        const page = await memories.list(user, { limit: 3, cursor });
        read.push(...page.data.map(({ id }) => id));
        if (page.nextCursor === null) break;
        cursor = page.nextCursor;
      }

      expect(read).toEqual(ids);
    });

    test('a user has a bounded number of memories, each of bounded size', async () => {
      const memories = textOnly(2);
      const user = newUser();
      await memories.remember(user, { content: 'One' });
      const { memory } = await memories.remember(user, { content: 'Two' });

      await expect(memories.remember(user, { content: 'Three' })).rejects.toMatchObject({ code: 'too_large' });
      await memories.forget(user, memory.id);
      await expect(memories.remember(user, { content: 'Three' })).resolves.toMatchObject({ created: true });
      await expect(memories.remember(user, { content: 'é'.repeat(5_000) })).rejects.toMatchObject({
        code: 'too_large',
        message: expect.stringContaining('10000 bytes') as string,
      });
    });

    test('forgetting all leaves nothing of the user, and everything of others', async () => {
      const memories = textOnly();
      const [user, other] = [newUser(), newUser()];
      for (const content of ['One two', 'Two three', 'Three four']) await memories.remember(user, { content });
      await memories.remember(other, { content: 'Two three' });

      expect(await memories.forgetAll(user)).toBe(3);
      expect(await leftOf(user)).toEqual({ memories: 0, words: 0, users: 0 });
      expect(contents(await memories.search(other, 'two'))).toEqual(['Two three']);
    });
  });

  test('processes without pgvector and with it share a store', async () => {
    const [plain, extended] = [false, true].map((pgvector) =>
      createMemories({ db: db(), embedder: new FakeEmbedder(), pgvector }),
    ) as [Memories, Memories];
    const user = newUser();
    await extended.remember(user, { content: 'Has a dog' });
    await plain.remember(user, { content: 'Has a puppy' });
    await extended.remember(user, { content: 'Drinks coffee' });
    const afresh = createMemories({ db: db(), embedder: new FakeEmbedder() });
    await plain.remember(user, { content: 'Had a hound' });
    const sorted = async (memories: Memories) => contents(await memories.search(user, 'pet')).toSorted();

    expect(await sorted(extended)).toEqual(expect.arrayContaining(['Drinks coffee', 'Has a dog', 'Has a puppy']));
    expect(await sorted(afresh)).toEqual(['Drinks coffee', 'Had a hound', 'Has a dog', 'Has a puppy']);
  });

  async function rowsWith(content: string): Promise<unknown> {
    const [row] = await db().query(
      `SELECT (SELECT count(*)::int FROM perdure.memories WHERE starts_with(content, $1)) AS memories,
              (SELECT count(*)::int FROM perdure.embeddings
                WHERE content_hash IN (sha256(convert_to($1, 'UTF8')), sha256(convert_to($1 || '?', 'UTF8')))) AS embeddings`,
      [content],
    );
    return row;
  }

  async function leftOf(user: string): Promise<unknown> {
    const [row] = await db().query(
      `SELECT (SELECT count(*)::int FROM perdure.memories WHERE user_id = $1) AS memories,
              (SELECT count(*)::int FROM perdure.memory_words WHERE user_id = $1) AS words,
              (SELECT count(*)::int FROM perdure.memory_users WHERE user_id = $1) AS users`,
      [user],
    );
    return row;
  }
});
