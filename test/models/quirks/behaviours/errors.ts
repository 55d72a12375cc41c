import { chunk, data, event, stream, whole, type Quirk } from '../quirk.ts';

const half = chunk({ content: 'Half an ans' });
const broken = { error: { code: 502, message: 'the upstream died' } };
const inStream = (error: unknown) => stream(half, data({ error }));
const status = (code: number, error: unknown) => ({ status: code, body: { error } });

export const QUIRKS: readonly Quirk[] = [
  {
    name: 'OpenRouter ends a stream with the reason error',
    body: stream(half, data({ choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error', ...broken }] })),
    expect: { error: 'server_error', retryable: true, providerMessage: 'the upstream died' },
  },
  {
    name: 'OpenRouter ends a whole response with the reason error',
    stream: false,
    body: { choices: [{ finish_reason: 'error', message: { content: 'Half an ans' }, ...broken }] },
    expect: { error: 'server_error', retryable: true },
  },
  ...['error', 'network_error', 'insufficient_system_resource', 'abort', 'MALFORMED_FUNCTION_CALL'].map((reason) => ({
    name: `the finish reason ${reason} is no end`,
    body: stream(half, chunk({}, reason)),
    expect: { error: 'server_error', retryable: true } as const,
  })),
  ...(
    [
      [401, 'authentication', false],
      [402, 'quota_exhausted', false],
      [429, 'rate_limited', true],
      [503, 'server_error', true],
      ['400', 'invalid_request', false],
    ] as const
  ).map(([code, error, retryable]) => ({
    name: `an error in a stream has the code ${JSON.stringify(code)}`,
    body: inStream({ code, message: 'no' }),
    expect: { error, retryable },
  })),
  {
    name: 'a 200 is an error about credit',
    body: { error: { message: 'Insufficient credits', code: 402 } },
    expect: { error: 'quota_exhausted', retryable: false, providerMessage: 'Insufficient credits' },
  },
  {
    name: 'vLLM streams an error in its own format',
    body: stream(half, data({ object: 'error', message: 'bad', type: 'BadRequestError', code: 400 })),
    expect: { error: 'invalid_request', retryable: false, providerMessage: 'bad' },
  },
  {
    name: 'an event is named error, and has text',
    body: stream(half, 'event: error\ndata: upstream timeout\n\n'),
    expect: { error: 'server_error', retryable: true, providerMessage: 'upstream timeout' },
  },
  {
    name: 'an empty error beside a choice is none',
    body: stream(chunk({ content: 'Hi' }, 'stop', { error: {} })),
    expect: { text: 'Hi' },
  },
  {
    name: 'error is null',
    stream: false,
    body: whole({ content: 'Hi' }, 'stop', { error: null }),
    expect: { text: 'Hi' },
  },
  {
    name: 'Google sends an error in an array',
    status: 400,
    body: [
      { error: { code: 400, message: 'Function call is missing a thought_signature', status: 'INVALID_ARGUMENT' } },
    ],
    expect: {
      error: 'invalid_request',
      retryable: false,
      says: 'perdure runs',
      providerMessage: 'Function call is missing a thought_signature',
    },
  },
  ...(
    [
      "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).",
      'the request exceeds the available context size. try increasing the context size or enable context shift',
      'max_tokens must be at least 1, got -186.',
      'prompt is too long: 210000 tokens > 200000 maximum',
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      'Input is too long for requested model.',
    ] as const
  ).map((message) => ({
    name: `a 400 without a code is about the context: ${message.slice(0, 40)}`,
    ...status(400, { message, type: 'BadRequestError', param: null, code: 400 }),
    expect: { error: 'too_large', retryable: false, says: 'contextRuns' } as const,
  })),
  {
    name: 'Ollama sends an error as text',
    ...status(404, "model 'llama9' not found"),
    expect: { error: 'invalid_request', retryable: false, says: "Check the model's name" },
  },
  {
    name: 'an unknown model is a 400',
    ...status(400, { message: 'The model `gpt-9` does not exist', code: null, type: 'invalid_request_error' }),
    expect: { error: 'invalid_request', retryable: false, says: "Check the model's name" },
  },
  {
    name: 'FastAPI sends details',
    status: 422,
    body: { detail: [{ loc: ['body', 'messages'], msg: 'field required' }] },
    expect: {
      error: 'invalid_request',
      retryable: false,
      providerMessage: '[{"loc":["body","messages"],"msg":"field required"}]',
    },
  },
  {
    name: 'Moonshot sends a 429 about the quota',
    ...status(429, { message: 'Your account is suspended', type: 'exceeded_current_quota_error' }),
    expect: { error: 'quota_exhausted', retryable: false },
  },
  {
    name: 'Anthropic sends a 400 about the credit',
    ...status(400, { message: 'Your credit balance is too low to access the API.', type: 'invalid_request_error' }),
    expect: { error: 'quota_exhausted', retryable: false },
  },
  {
    name: 'a gateway sends a page with its 502',
    status: 502,
    headers: { 'content-type': 'text/html' },
    body: '<html>Bad gateway</html>',
    expect: { error: 'server_error', retryable: true, says: 'status 502' },
  },
  {
    name: 'a body in 304 is none',
    status: 304,
    body: '',
    expect: { error: 'invalid_request', retryable: false },
  },
  {
    name: 'an error has control characters and the key',
    ...status(400, { message: 'key sk-the-key-of-the-endpoint and\u001b[31m Bearer abc.def \u202E!' }),
    expect: { error: 'invalid_request', retryable: false, providerMessage: 'key [key] and [31m [key]  !' },
  },
  {
    name: 'Retry-After is a date of a clock that is an hour ahead',
    ...status(429, {}),
    headers: { 'retry-after': 'Fri, 01 May 2099 13:00:30 GMT', date: 'Fri, 01 May 2099 13:00:00 GMT' },
    expect: { error: 'rate_limited', retryable: true, retryAfterMs: 30_000 },
  },
  {
    name: 'Responses: an error event has its error nested',
    api: 'responses',
    body: event('error', { error: { type: 'server_error', code: 'rate_limit_exceeded', message: 'Slow' } }),
    expect: { error: 'rate_limited', retryable: true, providerMessage: 'Slow' },
  },
  {
    name: 'Responses: a 200 is an error',
    api: 'responses',
    body: { error: { message: 'Insufficient credits', code: 402 } },
    expect: { error: 'quota_exhausted', retryable: false },
  },
];
