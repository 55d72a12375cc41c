import { chunk, data, stream, whole, type Quirk } from '../quirk.ts';

const end = chunk({}, 'stop');
const thinking = [{ type: 'thinking', thinking: [{ type: 'text', text: 'hmm' }] }];
const answer = [{ type: 'text', text: 'Answer' }];

export const QUIRKS: readonly Quirk[] = [
  {
    name: 'Mistral streams content in parts',
    body: stream(chunk({ content: thinking }), chunk({ content: answer }), chunk({ content: ' ok' }), end),
    expect: { text: 'Answer ok', reasoning: 'hmm' },
  },
  {
    name: 'Mistral sends content in parts',
    stream: false,
    body: whole({ content: [...thinking, ...answer, { type: 'reference', reference_ids: [1] }, 'x', null] }),
    expect: { text: 'Answerx', reasoning: 'hmm' },
  },
  {
    name: 'the last chunk has the whole message',
    body: stream(
      chunk({ content: 'Good ' }),
      chunk({ content: 'morning' }),
      data({ choices: [{ message: { role: 'assistant', content: 'Good morning' }, finish_reason: 'stop' }] }),
    ),
    expect: { text: 'Good morning' },
  },
  {
    name: 'a growing message is beside each delta',
    body: stream(
      ...['Good ', 'mor', 'ning'].map((content, n) =>
        data({ choices: [{ delta: { content }, message: { content: 'Good morning'.slice(0, 5 + 3 * n) } }] }),
      ),
      end,
    ),
    expect: { text: 'Good morning' },
  },
  {
    name: 'a stream has the message only',
    body: stream(data({ choices: [{ message: { content: 'Good morning' }, finish_reason: 'stop' }] })),
    expect: { text: 'Good morning' },
  },
  {
    name: 'an empty reasoning_content is beside reasoning',
    body: stream(chunk({ reasoning_content: '', reasoning: 'Hm.' }), chunk({ content: 'Yes' }), end),
    expect: { text: 'Yes', reasoning: 'Hm.' },
  },
  {
    name: 'reasoning comes under both names',
    body: stream(chunk({ reasoning_content: 'Hm.', reasoning: 'Hm.' }), chunk({ content: 'Yes' }), end),
    expect: { reasoning: 'Hm.' },
  },
  {
    name: 'choices are null, empty, or have an empty item',
    body: stream(
      data({ choices: null }),
      data({ choices: [] }),
      data({ choices: [null] }),
      chunk({ content: 'Hi' }),
      end,
    ),
    expect: { text: 'Hi' },
  },
  {
    name: 'a delta is null, or an empty array',
    body: stream(
      data({ choices: [{ delta: null }] }),
      data({ choices: [{ delta: [] }] }),
      chunk({ content: 'Hi' }),
      data({ choices: [{ delta: null, finish_reason: 'stop' }] }),
    ),
    expect: { text: 'Hi' },
  },
  {
    name: 'usage follows in a chunk without choices',
    body: stream(
      chunk({ content: 'Hi' }),
      end,
      data({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 2 } }),
    ),
    expect: { usage: { inputTokens: 5, outputTokens: 2, cachedTokens: null, reasoningTokens: null } },
  },
  {
    name: 'usage grows with every chunk, and ends without a count',
    body: stream(
      chunk({ content: 'Hi' }, null, { usage: { prompt_tokens: 5, completion_tokens: 1 } }),
      chunk({}, 'stop', { usage: { prompt_tokens: 5, completion_tokens: 2 } }),
      data({ choices: [], usage: { prompt_tokens: null } }),
    ),
    expect: { usage: { inputTokens: 5, outputTokens: 2 } },
  },
  {
    name: 'usage is odd, and the rest of it is kept',
    body: stream(
      chunk({ content: 'Hi' }, 'stop', {
        usage: {
          prompt_tokens: '5',
          completion_tokens: -1,
          prompt_tokens_details: [],
          completion_tokens_details: 'none',
        },
      }),
    ),
    expect: { text: 'Hi', usage: { inputTokens: 5, outputTokens: null } },
  },
  ...[[], 'many', 7].map((usage) => ({
    name: `usage is ${JSON.stringify(usage)}`,
    body: stream(chunk({ content: 'Hi' }, 'stop', { usage })),
    expect: { text: 'Hi', usage: null },
  })),
  {
    name: 'model, id and other fields have odd types',
    body: stream(chunk({ content: 'Hi', refusal: 7, role: 7 }, 'stop', { model: 7, id: {}, created: 'now' })),
    expect: { text: 'Hi' },
  },
  {
    name: 'the finish reason is `null` as text until the end',
    body: stream(chunk({ content: 'Hi' }, 'null'), chunk({ content: '!' }, 'null'), end),
    expect: { text: 'Hi!', finish: 'stop' },
  },
  {
    name: 'the finish reason is empty until the end',
    body: stream(chunk({ content: 'Hi' }, ''), end),
    expect: { text: 'Hi', finish: 'stop' },
  },
  ...(
    [
      ['end_turn', 'stop'],
      ['STOP', 'stop'],
      ['eos_token', 'stop'],
      ['max_tokens', 'length'],
      ['MAX_TOKENS', 'length'],
      ['model_length', 'length'],
      ['SAFETY', 'refusal'],
      ['guardrail_intervened', 'refusal'],
      ['of_a_new_kind', 'other'],
    ] as const
  ).map(([reason, finish]) => ({
    name: `the finish reason ${reason} is ${finish}`,
    body: stream(chunk({ content: 'Hi' }), chunk({}, reason)),
    expect: { text: 'Hi', finish },
  })),
  {
    name: 'a whole response has no finish reason',
    stream: false,
    body: whole({ content: 'Hi' }, null),
    expect: { text: 'Hi', finish: 'stop' },
  },
  {
    name: 'a whole response has no choices',
    stream: false,
    body: { code: 500, msg: '404 NOT_FOUND', success: false },
    expect: { error: 'server_error', retryable: true, providerMessage: '404 NOT_FOUND' },
  },
];
