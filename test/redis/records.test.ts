import { assert, array, constantFrom, nat, property, record, string, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { redisKeyOf } from '../../redis/redis-keys.ts';
import { parseRedisUrl } from '../../redis/redis-url.ts';
import { contextRecord, parseContextRecord } from '../../redis/context-record.ts';
import { parseRecord } from '../../redis/text-record.ts';
import { TextRecorder } from '../../redis/text-recorder.ts';
import type { ContextCopy } from '../../core/conversation/conversation-copy.ts';
import { delta } from '../live/listen.ts';

const key = { user: 'ann', session: 'main' };

// Names that are made to meet: with the separators, encoded ones, and what looks like the parts of a key.
const name = array(
  constantFrom('a', ':', '%', '%3A', '%253A', '/', 'live', 'text', 'context', 'perdure', '*', 'é', ' '),
  {
    minLength: 1,
    maxLength: 6,
  },
).map((parts) => parts.join(''));

test('no two sessions have a key in common, and no user has a key that begins as those of another', () => {
  const parts = ['live', 'text', 'context'] as const;
  assert(
    property(tuple(name, name), tuple(name, name), ([user, session], [otherUser, otherSession]) => {
      const keys = parts.map((part) => redisKeyOf('perdure', { user, session }, part));
      const others = parts.map((part) => redisKeyOf('perdure', { user: otherUser, session: otherSession }, part));
      const isSame = user === otherUser && session === otherSession;
      expect(keys.filter((one) => others.includes(one))).toEqual(isSame ? keys : []);
      const prefix = `perdure:${encodeURIComponent(user)}:`;
      expect(others.filter((one) => one.startsWith(prefix))).toEqual(user === otherUser ? others : []);
      expect(new Set(keys).size).toBe(3);
    }),
    { numRuns: 2_000 },
  );
});

test('a URL is refused with the remedy and without its password', () => {
  const refused = [
    'redis.example.com:6379',
    'http://ann:s3cret@host',
    'redis://ann:s3cret@host/one',
    'redis://ann:s3cret%@host',
    'redis://:s3cret@',
  ];
  for (const url of refused) {
    const act = () => parseRedisUrl(url);
    expect(act).toThrow(/^REDIS_URL .+ Set it to redis:\/\//);
    expect(act).not.toThrow(/s3cret/);
  }
  expect(parseRedisUrl('rediss://ann:s%2F3@cache.example.com/2').address).toBe('cache.example.com:6379');
  expect(parseRedisUrl('redis://[::1]:7000').address).toBe('[::1]:7000');
});

const piece = constantFrom('a', 'word ', '\n', '"', '\\', 'é', '😀', '\ud83d', '\ude00', '\u2028', '["t",0]');

/** Applies changes as Redis does. */
function applied(content: string | null, change: ReturnType<TextRecorder['apply']>): string | null {
  if (change === null || change === 'incomplete') return content;
  if (change.kind === 'delete') return null;
  return change.kind === 'set' ? change.content : (content ?? '') + change.content;
}

test('a record of a text is the text, however it was cut, and null once any of it is missing', () => {
  assert(
    property(array(piece, { minLength: 1, maxLength: 20 }), nat(), (pieces, at) => {
      const recorder = new TextRecorder(1_000_000);
      let [content, offset]: [string | null, number] = [null, 0];
      for (const one of pieces) {
        content = applied(content, recorder.apply('t', delta('run', offset, one)));
        offset += one.length;
      }
      const whole = content ?? '';
      const text = pieces.join('');
      expect(parseRecord(whole)).toEqual({ runId: 'run', step: 1, attempt: 1, reasoning: '', text });
      // Cut anywhere, it is the text up to a whole piece, or nothing.
      const cut = parseRecord(whole.slice(0, at % whole.length));
      expect(cut === null || text.startsWith(cut.text)).toBe(true);
      expect(parseRecord(whole.slice(1 + (at % whole.length)))).toBe(null);
    }),
  );
});

test('what a replaced worker appends to the record of its successor is left out', () => {
  const [old, successor] = [new TextRecorder(10_000), new TextRecorder(10_000)];
  let content = applied(null, old.apply('t', delta('run', 0, 'Once')));
  content = applied(content, successor.apply('t', delta('other', 0, 'Then')));
  content = applied(content, old.apply('t', delta('run', 4, ' upon')));
  content = applied(content, successor.apply('t', delta('other', 4, ' it')));
  expect(parseRecord(content ?? '')).toMatchObject({ runId: 'other', text: 'Then it' });
});

test('a text that is longer than its limit is not kept, and one that began elsewhere is asked for', () => {
  const recorder = new TextRecorder(200);
  let content = applied(null, recorder.apply('t', delta('run', 0, 'x'.repeat(50))));
  expect(content).not.toBe(null);
  content = applied(content, recorder.apply('t', delta('run', 50, 'y'.repeat(200))));
  expect(content).toBe(null);
  expect(applied(content, recorder.apply('t', delta('run', 250, 'z')))).toBe(null);
  expect(recorder.apply('u', delta('run', 7, 'z'))).toBe('incomplete');
  const soFar = { runId: 'run', step: 1, attempt: 1, reasoning: 'hm', text: '1234567z' };
  expect(parseRecord(applied(null, recorder.apply('u', { kind: 'soFar', soFar })) ?? '')).toEqual(soFar);
});

const received = {
  type: 'message.received',
  at: '2026-01-01T00:00:00.000Z',
  sessionId: 'main',
  messageId: 'm',
} as const;
const copy: ContextCopy = {
  createdAt: '2026-01-01T00:00:00.000Z',
  throughAt: '2026-01-01T00:00:01.000Z',
  conversation: {
    from: 0,
    throughSeq: 3,
    background: { summary: null, pinned: [], decisions: [] },
    runs: [
      {
        runId: 'run',
        startedSeq: 3,
        complete: true,
        events: [{ ...received, seq: 2, runId: 'run', content: 'hi', disposition: 'started' }],
      },
    ],
  },
};

test('a copy of a context is what was copied; damaged, of another session, or of an unknown form, it is none', () => {
  const text = contextRecord(key, copy);
  expect(parseContextRecord(key, text)).toEqual(copy);
  expect(parseContextRecord({ user: 'bob', session: 'main' }, text)).toBe(null);
  expect(parseContextRecord({ user: 'ann', session: 'other' }, text)).toBe(null);
  const unknown = [
    { ...copy, conversation: { ...copy.conversation, throughSeq: '3' } },
    {
      ...copy,
      conversation: { ...copy.conversation, runs: [{ ...copy.conversation.runs[0], events: [{ type: 'new' }] }] },
    },
  ];
  for (const one of unknown) expect(parseContextRecord(key, contextRecord(key, one as never))).toBe(null);
  assert(
    property(record({ at: nat(), by: string({ minLength: 1, maxLength: 3 }) }), ({ at, by }) => {
      const start = at % text.length;
      const damaged = text.slice(0, start) + by + text.slice(start + by.length);
      expect(parseContextRecord(key, damaged)).toEqual(damaged === text ? copy : null);
      expect(parseContextRecord(key, text.slice(0, start))).toBe(null);
    }),
  );
});
