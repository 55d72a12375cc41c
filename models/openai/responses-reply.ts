import type { Finish } from '../../contracts/session/run.ts';
import type { ModelReply } from '../model-client.ts';
import { providerError } from '../provider-error.ts';
import { parseResponse } from './parse-response.ts';
import type { PartialCall, ReplyBuilder } from '../reply-builder.ts';
import {
  responseEventSchema,
  responseSchema,
  responsesUsage,
  type ResponsesEvent,
  type OutputItem,
  type ResponsesBody,
} from './responses-schema.ts';

/** Assembles a reply from the events of a Responses stream, or from one whole response. */
export class ResponsesReply {
  readonly #provider: string;
  readonly #builder: ReplyBuilder;
  readonly #model: string;
  readonly #calls = new Map<string, PartialCall>();
  #response: ResponsesBody | null = null;

  constructor(provider: string, builder: ReplyBuilder, model: string) {
    this.#provider = provider;
    this.#builder = builder;
    this.#model = model;
  }

  /** Whether the terminal event has arrived. */
  get ended(): boolean {
    return this.#response !== null;
  }

  /** One event of a stream. */
  take(event: unknown): void {
    const wire = parseResponse(this.#provider, responseEventSchema, event);
    switch (wire.type) {
      case 'response.output_text.delta':
        return this.#builder.append('text', delta(wire));
      case 'response.refusal.delta':
        return this.#builder.appendRefusal(delta(wire));
      case 'response.reasoning_summary_part.added':
        // Separates the parts of a summary, which are paragraphs.
        return this.#builder.append('reasoning', wire.summary_index && this.#builder.reasoning !== '' ? '\n\n' : '');
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        return this.#builder.append('reasoning', delta(wire));
      case 'response.function_call_arguments.delta': {
        const call = this.#calls.get(keyOf(wire.output_index, wire.item_id));
        return call && this.#builder.appendArguments(call, delta(wire));
      }
      case 'response.output_item.added':
      case 'response.output_item.done':
        return wire.item?.type === 'function_call'
          ? this.#updateCall(wire.item, keyOf(wire.output_index, wire.item.id))
          : undefined;
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        return this.takeResponse(wire.response);
      case 'error':
        throw this.#failed(wire.code);
    }
  }

  /** Takes the whole response. Text that has streamed before is not appended again. */
  takeResponse(response: unknown): void {
    const whole = parseResponse(this.#provider, responseSchema, response);
    if (whole.status === 'failed' || whole.error) throw this.#failed(whole.error?.code);
    const output = whole.output ?? [];
    if (this.#builder.reasoning === '') this.#appendReasoning(output);
    if (this.#builder.text === '') this.#appendText(output);
    for (const [index, item] of output.entries()) {
      if (item.type === 'function_call') this.#updateCall(item, this.#keyOfKnown(item, index));
    }
    this.#response = whole;
  }

  end(): ModelReply {
    const response = this.#response;
    if (response === null) throw this.#builder.truncated();
    return this.#builder.end({
      finish: finishOf(response),
      usage: response.usage ? responsesUsage(response.usage) : null,
      model: response.model ?? this.#model,
    });
  }

  #appendReasoning(output: readonly OutputItem[]): void {
    const thoughts = output.filter(({ type }) => type === 'reasoning');
    const parts = thoughts.flatMap(({ summary, content }) => (summary?.length ? summary : (content ?? [])));
    this.#builder.append('reasoning', parts.map(({ text }) => text ?? '').join('\n\n'));
  }

  #appendText(output: readonly OutputItem[]): void {
    for (const part of output.flatMap(({ type, content }) => (type === 'message' ? (content ?? []) : []))) {
      if (part.type === 'output_text') this.#builder.append('text', part.text ?? '');
      if (part.type === 'refusal') this.#builder.appendRefusal(part.refusal ?? '');
    }
  }

  /** Adds or updates a call. The event `done` repeats it whole, which overrides the deltas. */
  #updateCall(item: OutputItem, key: string): void {
    const call = this.#calls.get(key) ?? this.#builder.startCall(item.call_id ?? '', item.name ?? '');
    this.#calls.set(key, call);
    if (item.name) call.tool = item.name;
    if (item.arguments && item.arguments !== call.arguments) {
      call.arguments = '';
      this.#builder.appendArguments(call, item.arguments);
    }
  }

  /** The key under which a call has streamed: some servers identify items by index, others by id. */
  #keyOfKnown(item: OutputItem, index: number): string {
    const keys = [keyOf(index, null), keyOf(null, item.id)];
    return keys.find((key) => this.#calls.get(key)?.callId === item.call_id) ?? `whole ${index}`;
  }

  #failed(code: unknown): Error {
    const known = typeof code === 'string' ? code : null;
    return providerError({ provider: this.#provider, httpStatus: null, code: known }, Date.now());
  }
}

function delta(event: ResponsesEvent): string {
  return typeof event.delta === 'string' ? event.delta : '';
}

function keyOf(index: number | null | undefined, id: string | null | undefined): string {
  return typeof index === 'number' ? `index ${index}` : `id ${id ?? ''}`;
}

function finishOf({ status, incomplete_details }: ResponsesBody): Finish {
  if (status !== 'incomplete') return status === 'completed' || !status ? 'stop' : 'other';
  const reason = incomplete_details?.reason;
  if (reason === 'max_output_tokens') return 'length';
  return reason === 'content_filter' ? 'refusal' : 'other';
}
