import { LIMITS } from '../../../../contracts/limits.ts';
import { chunk, piece, stream, whole, type Quirk } from '../quirk.ts';

const call = { index: 0, id: 'c1', type: 'function', function: { name: 'clock', arguments: '{}' } };
const calls = [['clock', {}]] as const;
const end = chunk({}, 'tool_calls');
const sentCall = { id: 'c1', type: 'function', function: { name: 'clock', arguments: '{}' } };
const sent = { role: 'assistant', content: null, tool_calls: [sentCall] };
const signature = { google: { thought_signature: 'SIG' } };
const LONG_ID = `call_1__thought__${'S'.repeat(1_000)}`;

export const QUIRKS: readonly Quirk[] = [
  {
    name: 'Bedrock and Anthropic refuse an empty content beside calls',
    body: stream(piece(call), end),
    expect: { calls, sentBack: [sent, { role: 'tool', tool_call_id: 'c1', content: 'done' }] },
  },
  {
    name: 'DeepSeek and Kimi require reasoning_content',
    body: stream(chunk({ reasoning_content: 'I need ' }), piece(call, { reasoning_content: 'it.' }), end),
    expect: { calls, sentBack: [{ ...sent, reasoning_content: 'I need it.' }] },
  },
  {
    name: 'Gemini requires the signature of a call',
    body: stream(piece({ ...call, extra_content: signature }), end),
    expect: { calls, sentBack: [{ ...sent, tool_calls: [{ ...sentCall, extra_content: signature }] }] },
  },
  {
    name: 'OpenRouter requires reasoning_details',
    stream: false,
    body: whole({
      content: '',
      reasoning_details: [{ type: 'reasoning.encrypted', data: 'E', index: 0 }],
      tool_calls: [call],
    }),
    expect: {
      calls,
      sentBack: [{ ...sent, reasoning_details: [{ type: 'reasoning.encrypted', data: 'E', index: 0 }] }],
    },
  },
  {
    name: 'pieces of reasoning_details are joined',
    body: stream(
      ...['Let ', 'me.'].map((text) => chunk({ reasoning_details: [{ type: 'reasoning.text', text, index: 0 }] })),
      piece(call),
      end,
    ),
    expect: {
      calls,
      sentBack: [{ ...sent, reasoning_details: [{ type: 'reasoning.text', text: 'Let me.', index: 0 }] }],
    },
  },
  {
    name: 'LiteLLM puts a signature in the id of a call',
    body: stream(piece({ ...call, id: LONG_ID }), end),
    expect: {
      calls,
      sentBack: [
        { ...sent, tool_calls: [{ ...sentCall, id: LONG_ID }] },
        { role: 'tool', tool_call_id: LONG_ID, content: 'done' },
      ],
    },
  },
  {
    name: 'reasoning over the limit is left out, a signature is kept',
    body: stream(
      chunk({ reasoning_content: 'x'.repeat(LIMITS.providerDataBytes.value) }),
      piece({ ...call, extra_content: signature }),
      end,
    ),
    expect: { calls, sentBack: [{ ...sent, tool_calls: [{ ...sentCall, extra_content: signature }] }] },
  },
];
