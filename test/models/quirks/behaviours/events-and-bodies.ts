import { chunk, data, DONE, stream, whole, type Quirk } from '../quirk.ts';

const hello = chunk({ content: 'Hello' });
const there = chunk({ content: ' there' }, 'stop');
const expectHello = { text: 'Hello there', finish: 'stop' };

export const QUIRKS: readonly Quirk[] = [
  { name: 'proxies send `data:` alone', body: stream(hello, 'data:\n\n', 'data: \n\n', there), expect: expectHello },
  { name: 'proxies send `event: ping` alone', body: stream(hello, 'event: ping\n\n', there), expect: expectHello },
  {
    name: 'proxies send a bare word as data',
    body: stream(hello, 'data: keep-alive\n\n', 'data: "ping"\n\n', 'data: null\n\n', there),
    expect: expectHello,
  },
  {
    name: 'OpenRouter sends comments',
    body: stream(': OPENROUTER PROCESSING\n\n', hello, ': OPENROUTER PROCESSING\n\n', there),
    expect: expectHello,
  },
  { name: 'DeepSeek sends empty lines', body: `\n\n\n${stream(hello, '\n\n', there)}`, expect: expectHello },
  { name: 'lines end with CR LF', body: stream(hello, there).replaceAll('\n', '\r\n'), expect: expectHello },
  { name: 'a byte order mark comes first', body: `\uFEFF${stream(hello, there)}`, expect: expectHello },
  { name: '[DONE] is missing', body: hello + there, expect: expectHello },
  { name: 'the last event has no empty line', body: (hello + there).trimEnd(), expect: expectHello },
  {
    name: 'events are not separated by an empty line',
    body: stream(hello, there).replaceAll('\n\n', '\n'),
    expect: expectHello,
  },
  { name: 'data has no space', body: stream(hello, there).replaceAll('data: ', 'data:'), expect: expectHello },
  {
    name: 'the content type is missing',
    headers: { 'content-type': '' },
    body: stream(hello, there),
    expect: expectHello,
  },
  {
    name: 'the content type of a stream is that of JSON',
    headers: { 'content-type': 'application/json' },
    body: stream(hello, there),
    expect: expectHello,
  },
  { name: 'text after [DONE] is dropped', body: stream(hello, there) + hello, expect: expectHello },
  {
    name: 'a server ignores `stream: true`',
    body: whole({ content: 'Whole' }, 'stop', { usage: { prompt_tokens: 3, completion_tokens: 1 } }),
    expect: { text: 'Whole', usage: { inputTokens: 3, outputTokens: 1 } },
  },
  {
    name: 'a server ignores `stream: true`, for calls',
    body: whole(
      { content: null, tool_calls: [{ id: 'a', function: { name: 'clock', arguments: '{}' } }] },
      'tool_calls',
    ),
    expect: { calls: [['clock', {}]] },
  },
  {
    name: 'a server ignores `stream: false`',
    stream: false,
    body: stream(hello, there),
    expect: { text: 'Hello there' },
  },
  {
    name: 'OpenRouter sends white space before a document',
    stream: false,
    headers: { 'content-type': 'application/json' },
    body: `\n   \n${JSON.stringify(whole({ content: 'Whole' }))}`,
    expect: { text: 'Whole' },
  },
  {
    name: 'a document has the content type of text',
    stream: false,
    headers: { 'content-type': 'text/plain' },
    body: JSON.stringify(whole({ content: 'Whole' })),
    expect: { text: 'Whole' },
  },
  {
    name: 'a captive portal sends a page',
    headers: { 'content-type': 'text/html' },
    body: '<!doctype html><title>Sign in</title>',
    expect: { error: 'server_error', retryable: true, says: 'a page' },
  },
  {
    name: 'a proxy sends text',
    headers: { 'content-type': 'text/plain' },
    body: 'upstream connect error',
    expect: { error: 'server_error', retryable: true, says: 'not JSON', providerMessage: 'upstream connect error' },
  },
  { name: 'the body is empty', body: '', expect: { error: 'server_error', retryable: true, says: 'without a body' } },
  { name: 'only comments come', body: ': hi\n\n', expect: { error: 'stream_truncated', retryable: true } },
  { name: 'only [DONE] comes', body: DONE, expect: { error: 'stream_truncated', retryable: true } },
  {
    name: 'an event is cut off',
    body: hello + data({ choices: [] }).slice(0, 12),
    expect: { error: 'stream_truncated', retryable: true },
  },
  {
    name: 'a document is cut off',
    stream: false,
    body: '{"choices":[{"mess',
    expect: { error: 'server_error', retryable: true, says: 'not JSON' },
  },
  {
    name: 'a 301 would turn the POST into a GET',
    status: 301,
    headers: { location: 'https://example.com/v1/chat/completions?key=secret' },
    body: '',
    expect: {
      error: 'invalid_request',
      retryable: false,
      says: 'https://example.com/v1/chat/completions (status 301)',
    },
  },
  {
    name: 'a 308 leads to another host',
    status: 308,
    headers: { location: 'https://elsewhere.example/v1' },
    body: '',
    expect: { error: 'invalid_request', retryable: false, says: 'elsewhere.example' },
  },
];
