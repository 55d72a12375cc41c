import { data, event, type Quirk } from '../quirk.ts';

const ARGS = '{"text":"hello"}';
const ONE = [['note', { text: 'hello' }]] as const;
const item = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'note', arguments: '' };
const done = (output: unknown, more: object = {}) =>
  event('response.completed', { response: { id: 'r', status: 'completed', output, ...more } });
const streamed = [
  event('response.output_item.added', { output_index: 0, item }),
  event('response.function_call_arguments.delta', { item_id: 'fc_1', output_index: 0, delta: ARGS }),
  event('response.output_item.done', { output_index: 0, item: { ...item, arguments: ARGS } }),
].join('');
const quirk = (name: string, body: unknown, expected: Quirk['expect'] = { calls: ONE }): Quirk => ({
  name,
  api: 'responses',
  body,
  expect: expected,
});

export const QUIRKS: readonly Quirk[] = [
  quirk(
    'the output has the call at another index',
    streamed + done([{ type: 'reasoning' }, { ...item, arguments: ARGS }]),
  ),
  quirk(
    'vLLM gives the call another call_id in the output',
    streamed + done([{ ...item, call_id: 'x', arguments: ARGS }]),
  ),
  quirk(
    'vLLM gives the call new ids in the output, and writes its arguments anew',
    streamed + done([{ ...item, call_id: 'x', id: 'y', arguments: '{ "text": "hello" }' }]),
  ),
  quirk('the call has no call_id in the output', streamed + done([{ ...item, call_id: undefined, arguments: ARGS }])),
  quirk('the output is empty', streamed + done([])),
  quirk('the output is missing', streamed + done(undefined)),
  quirk('the output repeats the call', streamed + done([1, 2].map(() => ({ ...item, arguments: ARGS })))),
  quirk('only the output has the call', done([{ ...item, arguments: ARGS }])),
  quirk(
    'the output has a second call that did not stream',
    streamed +
      done([
        { ...item, arguments: ARGS },
        { ...item, id: 'fc_2', call_id: 'call_2', arguments: '{}' },
      ]),
    { calls: [...ONE, ['note', {}]] },
  ),
  quirk(
    'two calls are equal but for their ids',
    streamed +
      streamed
        .replaceAll('fc_1', 'fc_2')
        .replaceAll('call_1', 'call_2')
        .replaceAll('"output_index":0', '"output_index":1') +
      done([
        { ...item, arguments: ARGS },
        { ...item, id: 'fc_2', call_id: 'call_2', arguments: ARGS },
      ]),
    { calls: [...ONE, ...ONE] },
  ),
  quirk(
    'two calls have the same index and no item ids',
    [1, 2]
      .map((n) =>
        event('response.output_item.done', {
          output_index: 0,
          item: { ...item, id: undefined, call_id: `call_${n}`, arguments: `{"n":${n}}` },
        }),
      )
      .join('') + done([]),
    {
      calls: [
        ['note', { n: 1 }],
        ['note', { n: 2 }],
      ],
    },
  ),
  quirk(
    'vLLM leaves out the id of the completed item',
    event('response.output_item.added', { output_index: 0, item }) +
      event('response.output_item.done', { output_index: 1, item: { ...item, id: null, arguments: ARGS } }) +
      done([]),
  ),
  quirk(
    'LM Studio sends the arguments once, and an empty object with the item',
    event('response.output_item.added', { output_index: 0, item }) +
      event('response.function_call_arguments.done', { item_id: 'fc_1', output_index: 0, arguments: ARGS }) +
      event('response.output_item.done', { output_index: 0, item: { ...item, arguments: '{}' } }) +
      done([{ ...item, arguments: '{}' }]),
  ),
  quirk(
    'indexes are text and ids are numbers',
    event('response.output_item.added', { output_index: '0', item: { ...item, id: 1, call_id: 2 } }) +
      event('response.function_call_arguments.delta', { item_id: 1, output_index: '0', delta: ARGS }) +
      done([{ ...item, id: 1, call_id: 2, arguments: ARGS }]),
  ),
  quirk('the arguments are an object', done([{ ...item, arguments: { text: 'hello' } }])),
  quirk(
    'the type stands in the name of the event only',
    `event: response.output_text.delta\n${data({ delta: 'Hi' })}event: response.completed\n${data({ response: { output: [] } })}`,
    { text: 'Hi', finish: 'stop' },
  ),
  quirk('a text comes whole', event('response.output_text.done', { text: 'Hi' }) + done([]), { text: 'Hi' }),
  quirk('a message has its content as text', done([{ type: 'message', content: 'Hi' }]), { text: 'Hi' }),
  quirk(
    'usage, model and status are odd',
    event('response.output_text.delta', { delta: 'Hi' }) + done([], { usage: [], model: 7, status: null }),
    { text: 'Hi', usage: null, finish: 'stop' },
  ),
  quirk(
    'the output tells of a limit, without a status',
    event('response.output_text.delta', { delta: 'Hi' }) +
      event('response.incomplete', { response: { incomplete_details: { reason: 'max_output_tokens' } } }),
    { text: 'Hi', finish: 'length' },
  ),
  quirk('a server ignores `stream: true`', { status: 'completed', output: [{ ...item, arguments: ARGS }] }),
  quirk(
    'a response failed',
    event('response.failed', { response: { status: 'failed', error: { code: 'server_error' } } }),
    {
      error: 'server_error',
      retryable: true,
    },
  ),
  quirk('a whole response has no output', { status: 'completed' }, { error: 'server_error', retryable: true }),
];
