import type { Finish } from '../../contracts/session/run.ts';
import type { ModelReply } from '../model-client.ts';
import { providerError } from '../provider-error.ts';
import { readAnswer } from './read-answer.ts';
import type { GrowingCall, ReplyBuilder } from '../reply-builder.ts';
import {
  responseEventSchema,
  responseSchema,
  responsesUsage,
  type WireEvent,
  type WireItem,
  type WireResponse,
} from './responses-wire.ts';

/** Puts the events of a Responses stream, or its one whole answer, together. */
export class ResponsesReply {
  readonly #provider: string;
  readonly #builder: ReplyBuilder;
  readonly #model: string;
  readonly #calls = new Map<string, GrowingCall>();
  #response: WireResponse | null = null;

  constructor(provider: string, builder: ReplyBuilder, model: string) {
    this.#provider = provider;
    this.#builder = builder;
    this.#model = model;
  }

  /** Whether the terminal event came. */
  get ended(): boolean {
    return this.#response !== null;
  }

  /** One event of a stream. */
  take(event: unknown): void {
    const wire = readAnswer(this.#provider, responseEventSchema, event);
    switch (wire.type) {
      case 'response.output_text.delta':
        return this.#builder.say('text', delta(wire));
      case 'response.refusal.delta':
        return this.#builder.refuse(delta(wire));
      case 'response.reasoning_summary_part.added':
        // The parts of a summary are paragraphs.
        return this.#builder.say('reasoning', wire.summary_index && this.#builder.reasoning !== '' ? '\n\n' : '');
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        return this.#builder.say('reasoning', delta(wire));
      case 'response.function_call_arguments.delta': {
        const call = this.#calls.get(keyOf(wire.output_index, wire.item_id));
        return call && this.#builder.growArguments(call, delta(wire));
      }
      case 'response.output_item.added':
      case 'response.output_item.done':
        return wire.item?.type === 'function_call'
          ? this.#hearCall(wire.item, keyOf(wire.output_index, wire.item.id))
          : undefined;
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        return this.takeWhole(wire.response);
      case 'error':
        throw this.#failed(wire.code);
    }
  }

  /** The whole answer. What streamed before is not said again. */
  takeWhole(response: unknown): void {
    const whole = readAnswer(this.#provider, responseSchema, response);
    if (whole.status === 'failed' || whole.error) throw this.#failed(whole.error?.code);
    const output = whole.output ?? [];
    if (this.#builder.reasoning === '') this.#hearReasoning(output);
    if (this.#builder.text === '') this.#hearText(output);
    for (const [index, item] of output.entries()) {
      if (item.type === 'function_call') this.#hearCall(item, this.#keyOfKnown(item, index));
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

  #hearReasoning(output: readonly WireItem[]): void {
    const thoughts = output.filter(({ type }) => type === 'reasoning');
    const parts = thoughts.flatMap(({ summary, content }) => (summary?.length ? summary : (content ?? [])));
    this.#builder.say('reasoning', parts.map(({ text }) => text ?? '').join('\n\n'));
  }

  #hearText(output: readonly WireItem[]): void {
    for (const part of output.flatMap(({ type, content }) => (type === 'message' ? (content ?? []) : []))) {
      if (part.type === 'output_text') this.#builder.say('text', part.text ?? '');
      if (part.type === 'refusal') this.#builder.refuse(part.refusal ?? '');
    }
  }

  /** A call is announced, grows, and is repeated whole when it is done: the last word holds. */
  #hearCall(item: WireItem, key: string): void {
    const call = this.#calls.get(key) ?? this.#builder.startCall(item.call_id ?? '', item.name ?? '');
    this.#calls.set(key, call);
    if (item.name) call.tool = item.name;
    if (item.arguments && item.arguments !== call.arguments) {
      call.arguments = '';
      this.#builder.growArguments(call, item.arguments);
    }
  }

  /** Some servers number the items of a stream and some name them. */
  #keyOfKnown(item: WireItem, index: number): string {
    const keys = [keyOf(index, null), keyOf(null, item.id)];
    return keys.find((key) => this.#calls.get(key)?.callId === item.call_id) ?? `whole ${index}`;
  }

  #failed(code: unknown): Error {
    const said = typeof code === 'string' ? code : null;
    return providerError({ provider: this.#provider, httpStatus: null, code: said }, Date.now());
  }
}

function delta(event: WireEvent): string {
  return typeof event.delta === 'string' ? event.delta : '';
}

function keyOf(index: number | null | undefined, id: string | null | undefined): string {
  return typeof index === 'number' ? `index ${index}` : `id ${id ?? ''}`;
}

function finishOf({ status, incomplete_details }: WireResponse): Finish {
  if (status !== 'incomplete') return status === 'completed' || !status ? 'stop' : 'other';
  const reason = incomplete_details?.reason;
  if (reason === 'max_output_tokens') return 'length';
  return reason === 'content_filter' ? 'refusal' : 'other';
}
