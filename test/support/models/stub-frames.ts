import type { ScriptedReply } from '../../../models/scripted/scripted-reply.ts';
import { piecesOf } from '../../../models/scripted/scripted-reply.ts';

/** A response of the stub: the frames of its content, the frames that end it, and the same as one JSON document. */
export interface StubAnswer {
  readonly frames: readonly string[];
  readonly terminal: readonly string[];
  readonly whole: unknown;
}

/** A reply in the format of Chat Completions. */
export function chatAnswer(reply: ScriptedReply, model: string, withUsage: boolean): StubAnswer {
  const refusal = reply.finish === 'refusal';
  const usage = chatUsage(reply);
  const calls = (reply.toolCalls ?? []).map((call, index) => ({
    index,
    ...(call.callId === '' ? {} : { id: call.callId ?? `call_${index + 1}` }),
    type: 'function',
    function: { name: call.tool, arguments: call.raw ?? JSON.stringify(call.arguments ?? {}) },
  }));
  const finish = refusal ? 'stop' : (reply.finish ?? (calls.length > 0 ? 'tool_calls' : 'stop'));
  const chunk = (delta: object, finish_reason: string | null = null) =>
    data({ object: 'chat.completion.chunk', model, choices: [{ index: 0, delta, finish_reason }] });
  return {
    frames: [
      chunk({ role: 'assistant', content: '' }),
      ...words(reply.reasoning).map((reasoning_content) => chunk({ reasoning_content })),
      ...piecesOf(reply).map((text) => chunk(refusal ? { refusal: text } : { content: text })),
      ...calls.flatMap(({ index, function: { name, arguments: args }, ...call }) => [
        chunk({ tool_calls: [{ index, ...call, function: { name, arguments: '' } }] }),
        ...thirds(args).map((part) => chunk({ tool_calls: [{ index, function: { arguments: part } }] })),
      ]),
    ],
    terminal: [
      chunk({}, finish),
      ...(withUsage && usage ? [data({ object: 'chat.completion.chunk', model, choices: [], usage })] : []),
      'data: [DONE]\n\n',
    ],
    whole: {
      object: 'chat.completion',
      model,
      choices: [
        {
          index: 0,
          finish_reason: finish,
          message: {
            role: 'assistant',
            content: refusal ? null : piecesOf(reply).join(''),
            refusal: refusal ? piecesOf(reply).join('') : null,
            ...(reply.reasoning ? { reasoning_content: reply.reasoning } : {}),
            ...(calls.length > 0 ? { tool_calls: calls.map(({ index: _index, ...call }) => call) } : {}),
          },
        },
      ],
      ...(usage ? { usage } : {}),
    },
  };
}

/** A reply in the format of the Responses API. */
export function responsesAnswer(reply: ScriptedReply, model: string): StubAnswer {
  const text = piecesOf(reply).join('');
  const refusal = reply.finish === 'refusal';
  const cut = reply.finish === 'length';
  const part = refusal ? { type: 'refusal', refusal: text } : { type: 'output_text', text, annotations: [] };
  const reasoning = {
    type: 'reasoning',
    id: 'rs_1',
    summary: [{ type: 'summary_text', text: reply.reasoning ?? '' }],
  };
  const calls = (reply.toolCalls ?? []).map((call, index) => ({
    type: 'function_call',
    id: `fc_${index + 1}`,
    call_id: call.callId ?? `call_${index + 1}`,
    name: call.tool,
    arguments: call.raw ?? JSON.stringify(call.arguments ?? {}),
  }));
  const output = [
    ...(reply.reasoning ? [reasoning] : []),
    ...(text === '' ? [] : [{ type: 'message', id: 'msg_1', role: 'assistant', content: [part] }]),
    ...calls,
  ];
  const first = output.length - calls.length;
  const whole = {
    object: 'response',
    model,
    status: cut ? 'incomplete' : 'completed',
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    output,
    usage: responsesUsage(reply),
    error: null,
  };
  return {
    frames: [
      event('response.created', { response: { ...whole, status: 'in_progress', output: [], usage: null } }),
      ...words(reply.reasoning).map((delta) =>
        event('response.reasoning_summary_text.delta', { item_id: 'rs_1', output_index: 0, summary_index: 0, delta }),
      ),
      ...piecesOf(reply).map((delta) =>
        event(refusal ? 'response.refusal.delta' : 'response.output_text.delta', { item_id: 'msg_1', delta }),
      ),
      ...calls.flatMap((item, index) => {
        const at = { output_index: first + index, item_id: item.id };
        return [
          event('response.output_item.added', { ...at, item: { ...item, arguments: '' } }),
          ...thirds(item.arguments).map((delta) => event('response.function_call_arguments.delta', { ...at, delta })),
          event('response.output_item.done', { ...at, item }),
        ];
      }),
    ],
    terminal: [event(cut ? 'response.incomplete' : 'response.completed', { response: whole })],
    whole,
  };
}

export function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

export function event(type: string, value: object): string {
  return `event: ${type}\n${data({ type, ...value })}`;
}

function chatUsage({ usage }: ScriptedReply): object | null {
  return usage
    ? {
        prompt_tokens: usage.inputTokens,
        completion_tokens: usage.outputTokens,
        prompt_tokens_details: { cached_tokens: usage.cachedTokens },
        completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
      }
    : null;
}

function responsesUsage({ usage }: ScriptedReply): object | null {
  return usage
    ? {
        input_tokens: usage.inputTokens,
        output_tokens: usage.outputTokens,
        input_tokens_details: { cached_tokens: usage.cachedTokens },
        output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
      }
    : null;
}

function words(text: string | undefined): string[] {
  return text ? piecesOf({ text }) : [];
}

function thirds(text: string): string[] {
  return text === '' ? [] : piecesOf({ text, chunks: 3 });
}
