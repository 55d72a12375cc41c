import type { Finish } from '../../../contracts/session/run.ts';
import type { ModelReply } from '../../model-client.ts';
import type { ReplyBuilder } from '../../reply-builder.ts';
import { conversationAfter, type ConversationFields } from './kept-conversation.ts';
import { parseResponse } from '../parse-response.ts';
import { failureIn, unusable, type ErrorSource } from '../provider-failure.ts';
import { reportsError } from '../provider-report.ts';
import { ResponsesCalls } from './responses-calls.ts';
import {
  responseEventSchema,
  responseSchema,
  responsesUsage,
  type OutputItem,
  type ResponsesBody,
} from './responses-schema.ts';

/** Assembles a reply from the events of a Responses stream, or from one whole response. */
export class ResponsesReply {
  readonly #source: ErrorSource;
  readonly #builder: ReplyBuilder;
  readonly #calls: ResponsesCalls;
  readonly #model: string;
  #response: ResponsesBody | null = null;

  constructor(source: ErrorSource, builder: ReplyBuilder, model: string) {
    this.#source = source;
    this.#builder = builder;
    this.#calls = new ResponsesCalls(builder);
    this.#model = model;
  }

  /** Whether the terminal event has arrived. */
  get ended(): boolean {
    return this.#response !== null;
  }

  /** One event of a stream. `name` is the type of servers that leave it out of the data. */
  take(event: unknown, name: string | null): void {
    if (name === 'error' || reportsError(event)) throw failureIn(this.#source, event);
    const wire = parseResponse(this.#source.provider, responseEventSchema, event);
    const { output_index: index = null, item_id: itemId = null } = wire;
    const type = wire.type ?? name;
    switch (type) {
      case 'response.output_text.delta':
        return this.#builder.append('text', textIn(wire.delta));
      case 'response.output_text.done':
        return this.#builder.text === '' ? this.#builder.append('text', textIn(wire.text)) : undefined;
      case 'response.refusal.delta':
        return this.#builder.appendRefusal(textIn(wire.delta));
      case 'response.reasoning_summary_part.added':
        // Separates the parts of a summary, which are paragraphs.
        return this.#builder.append('reasoning', wire.summary_index && this.#builder.reasoning !== '' ? '\n\n' : '');
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        return this.#builder.append('reasoning', textIn(wire.delta));
      case 'response.function_call_arguments.delta':
        return this.#calls.addArguments(itemId, index, textIn(wire.delta), false);
      case 'response.function_call_arguments.done':
        return this.#calls.addArguments(itemId, index, textIn(wire.arguments), true);
      case 'response.output_item.added':
      case 'response.output_item.done':
        return wire.item?.type === 'function_call' ? this.#calls.addItem(wire.item, index) : undefined;
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
      case 'response.done':
        return this.#end(wire.response ?? {}, type.slice('response.'.length));
    }
  }

  /** Takes the whole response. Text that has streamed before is not appended again. */
  takeWhole(response: unknown): void {
    if (reportsError(response)) throw failureIn(this.#source, response);
    const hasOutput = typeof response === 'object' && response !== null && 'output' in response;
    if (!hasOutput) throw unusable(this.#source, 'without output', response);
    this.#end(response, 'completed');
  }

  end(fields: ConversationFields): ModelReply {
    const response = this.#response;
    if (response === null) throw this.#builder.truncated();
    const reply = this.#builder.end({
      finish: finishOf(response),
      usage: response.usage ? responsesUsage(response.usage) : null,
      model: response.model ?? this.#model,
    });
    const conversation = conversationAfter(response, fields, reply, this.#builder.calls);
    return conversation ? { ...reply, conversation } : reply;
  }

  /** `status`: what the event, or the protocol, implies of a response without one. */
  #end(response: unknown, status: string): void {
    const whole = parseResponse(this.#source.provider, responseSchema, response);
    const failed = status === 'failed' || whole.status === 'failed' || whole.status === 'cancelled';
    if (failed || reportsError(whole)) throw failureIn(this.#source, whole);
    const output = whole.output ?? [];
    if (this.#builder.reasoning === '') this.#appendReasoning(output);
    if (this.#builder.text === '') this.#appendText(output);
    this.#calls.addOutput(output.filter(({ type }) => type === 'function_call'));
    this.#response = { ...whole, status: whole.status ?? (status === 'done' ? 'completed' : status) };
  }

  #appendReasoning(output: readonly OutputItem[]): void {
    const thoughts = output.filter(({ type }) => type === 'reasoning');
    const parts = thoughts.flatMap(({ summary, content }) => (summary?.length ? summary : (content ?? [])));
    this.#builder.append('reasoning', parts.map(({ text }) => text ?? '').join('\n\n'));
  }

  #appendText(output: readonly OutputItem[]): void {
    for (const part of output.flatMap(({ type, content }) => (type === 'message' ? (content ?? []) : []))) {
      if ('refusal' in part && part.refusal) this.#builder.appendRefusal(part.refusal);
      else if (part.type === 'output_text' || part.type === 'text') this.#builder.append('text', part.text ?? '');
    }
  }
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function finishOf({ status, incomplete_details }: ResponsesBody): Finish {
  if (status === 'incomplete') {
    const reason = incomplete_details?.reason;
    if (reason === 'max_output_tokens' || reason === 'max_tokens') return 'length';
    return reason === 'content_filter' ? 'refusal' : 'other';
  }
  return status === 'completed' ? 'stop' : 'other';
}
