import { chunk, piece, stream, whole, type Quirk } from '../quirk.ts';

const ARGS = '{"text":"hello"}';
const ONE = [['note', { text: 'hello' }]] as const;
const call = (fields: { index?: unknown; id?: unknown; name?: string; args?: unknown }) => ({
  ...('index' in fields ? { index: fields.index } : {}),
  ...('id' in fields ? { id: fields.id } : {}),
  type: 'function',
  function: { ...(fields.name === undefined ? {} : { name: fields.name }), arguments: fields.args ?? '' },
});
const end = chunk({}, 'tool_calls');

export const QUIRKS: readonly Quirk[] = [
  {
    name: 'LocalAI repeats a whole call under its id at another index',
    body: stream(
      piece(call({ index: 0, id: 'c1', name: 'note', args: ARGS })),
      piece(call({ index: 1, id: 'c1', name: 'note', args: ARGS })),
      end,
    ),
    expect: { calls: ONE },
  },
  {
    name: 'a server repeats a whole call at the same index',
    body: stream(
      piece(call({ index: 0, id: 'c1', name: 'note', args: ARGS })),
      piece(call({ index: 0, id: 'c1', name: 'note', args: ARGS })),
      end,
    ),
    expect: { calls: ONE },
  },
  {
    name: 'Nebius and Cerebras count the index with every piece',
    body: stream(
      piece(call({ index: 0, id: 'c1', name: 'note', args: ARGS.slice(0, 6) })),
      piece(call({ index: 1, args: ARGS.slice(6, 12) })),
      piece(call({ index: 2, args: ARGS.slice(12) })),
      end,
    ),
    expect: { calls: ONE },
  },
  {
    name: 'a second call begins at index 0 and goes on at index 1',
    body: stream(
      piece(call({ index: 0, id: 'c1', name: 'sum', args: '{"n":1}' })),
      piece(call({ index: 0, id: 'c2', name: 'note', args: ARGS.slice(0, 6) })),
      piece(call({ index: 1, args: ARGS.slice(6) })),
      end,
    ),
    expect: { calls: [['sum', { n: 1 }], ...ONE] },
  },
  {
    name: 'an index comes as text and an id as a number',
    body: stream(piece(call({ index: '0', id: 12345, name: 'note', args: ARGS })), end),
    expect: { calls: ONE },
  },
  {
    name: 'Gemini leaves out the index of parallel calls',
    body: stream(
      chunk({
        tool_calls: [
          call({ id: 'a', name: 'note', args: '{"n":1}' }),
          call({ id: 'b', name: 'note', args: '{"n":2}' }),
        ],
      }),
      end,
    ),
    expect: {
      calls: [
        ['note', { n: 1 }],
        ['note', { n: 2 }],
      ],
    },
  },
  {
    name: 'parallel calls all have index 0, and no ids',
    body: stream(
      piece(call({ index: 0, name: 'note', args: '{"n":1}' })),
      piece(call({ index: 0, name: 'note', args: '{"n":2}' })),
      end,
    ),
    expect: {
      calls: [
        ['note', { n: 1 }],
        ['note', { n: 2 }],
      ],
    },
  },
  {
    name: 'LM Studio sends an empty name with each piece',
    body: stream(
      piece(call({ index: 0, id: 'c1', name: 'note', args: '' })),
      piece(call({ index: 0, name: '', args: ARGS })),
      end,
    ),
    expect: { calls: ONE },
  },
  {
    name: 'id and name come with every piece',
    body: stream(
      ...[ARGS.slice(0, 5), ARGS.slice(5, 9), ARGS.slice(9)].map((args) =>
        piece(call({ index: 0, id: 'c1', name: 'note', args })),
      ),
      end,
    ),
    expect: { calls: ONE },
  },
  {
    name: 'each piece has another id',
    body: stream(
      piece(call({ index: 0, id: 'x1', name: 'note', args: ARGS.slice(0, 5) })),
      piece(call({ index: 0, id: 'x2', args: ARGS.slice(5) })),
      end,
    ),
    expect: { calls: ONE },
  },
  {
    name: 'the id comes after the name',
    body: stream(
      piece(call({ index: 0, name: 'note', args: '' })),
      piece(call({ index: 0, id: 'late', args: ARGS })),
      end,
    ),
    expect: { calls: ONE },
  },
  {
    name: 'vLLM sends a call without an id',
    body: stream(piece(call({ index: 0, id: null, name: 'note', args: ARGS })), end),
    expect: { calls: ONE },
  },
  {
    name: 'a gateway to Anthropic begins with an empty object',
    body: stream(
      piece(call({ index: 0, id: 'c1', name: 'note', args: '{}' })),
      piece(call({ index: 0, args: ARGS.slice(0, 7) })),
      piece(call({ index: 0, args: ARGS.slice(7) })),
      end,
    ),
    expect: { calls: ONE },
  },
  {
    name: 'Ollama sends the arguments as an object',
    body: stream(piece(call({ index: 0, id: 'c1', name: 'note', args: { text: 'hello' } })), end),
    expect: { calls: ONE },
  },
  {
    name: 'a call without arguments has none',
    body: stream(piece({ index: 0, id: 'c1', function: { name: 'clock', arguments: null } }), end),
    expect: { calls: [['clock', {}]] },
  },
  {
    name: 'tool_calls is an object instead of an array',
    body: stream(chunk({ tool_calls: call({ id: 'c1', name: 'note', args: ARGS }) }), end),
    expect: { calls: ONE },
  },
  {
    name: 'tool_calls is empty, or has an empty item',
    body: stream(chunk({ content: 'Hi', tool_calls: [] }), chunk({ tool_calls: [null] }), chunk({}, 'stop')),
    expect: { text: 'Hi' },
  },
  {
    name: 'calls end with the reason stop',
    body: stream(piece(call({ index: 0, id: 'c1', name: 'note', args: ARGS })), chunk({}, 'stop')),
    expect: { calls: ONE, finish: 'tool_calls' },
  },
  {
    name: 'two calls share an id, and differ',
    stream: false,
    body: whole({
      content: null,
      tool_calls: [
        call({ id: 'same', name: 'note', args: '{"n":1}' }),
        call({ id: 'same', name: 'note', args: '{"n":2}' }),
      ],
    }),
    expect: {
      calls: [
        ['note', { n: 1 }],
        ['note', { n: 2 }],
      ],
    },
  },
  {
    name: 'a part of a call looks like a whole one, and is not taken for it',
    body: stream(
      piece(call({ index: 0, id: 'c1', name: 'note', args: '{"list":[' })),
      piece(call({ index: 0, args: '{"a":1}' })),
      piece(call({ index: 0, args: ',{"a":2}]}' })),
      end,
    ),
    expect: { calls: [['note', { list: [{ a: 1 }, { a: 2 }] }]] },
  },
];
