import type { Usage } from '../../contracts/session/run.ts';
import { chatResponseSchema, chatFinish, chatUsage, type ToolCallPart, type MessagePart } from './chat-schema.ts';
import type { ModelReply } from '../model-client.ts';
import type { PartialCall, ReplyBuilder } from '../reply-builder.ts';
import { parseResponse } from './parse-response.ts';

/** Assembles a reply from the chunks of a Chat Completions stream, or from one whole response. */
export class ChatReply {
  readonly #provider: string;
  readonly #builder: ReplyBuilder;
  readonly #byIndex = new Map<number, PartialCall>();
  #finish: string | null = null;
  #usage: Usage | null = null;
  #model: string;

  constructor(provider: string, builder: ReplyBuilder, model: string) {
    this.#provider = provider;
    this.#builder = builder;
    this.#model = model;
  }

  /** Whether the finish reason, this protocol's terminal event, has arrived. The usage may follow it. */
  get ended(): boolean {
    return this.#finish !== null;
  }

  take(response: unknown): void {
    const { model, choices, usage } = parseResponse(this.#provider, chatResponseSchema, response);
    if (model) this.#model = model;
    if (usage) this.#usage = chatUsage(usage);
    const choice = choices?.[0];
    if (!choice) return;
    if (choice.delta) this.#append(choice.delta, (call) => this.#callOf(call));
    if (choice.message) this.#append(choice.message, (call) => this.#startCall(call));
    if (choice.finish_reason) this.#finish = choice.finish_reason;
  }

  /** Throws `stream_truncated` without a finish reason: some servers send `[DONE]` after an incomplete reply, too. */
  end(): ModelReply {
    if (this.#finish === null) throw this.#builder.truncated();
    return this.#builder.end({ finish: chatFinish(this.#finish), usage: this.#usage, model: this.#model });
  }

  #append(message: MessagePart, callOf: (piece: ToolCallPart) => PartialCall): void {
    this.#builder.append('reasoning', message.reasoning_content ?? message.reasoning ?? '');
    this.#builder.append('text', message.content ?? '');
    if (message.refusal) this.#builder.appendRefusal(message.refusal);
    for (const piece of message.tool_calls ?? []) {
      const call = callOf(piece);
      if (call.tool === '') call.tool = piece.function?.name ?? '';
      const args = piece.function?.arguments ?? '';
      this.#builder.appendArguments(call, typeof args === 'string' ? args : JSON.stringify(args));
    }
  }

  #startCall(piece: ToolCallPart): PartialCall {
    return this.#builder.startCall(piece.id ?? '', piece.function?.name ?? '');
  }

  /**
   * Parts of one call share an index. Some servers omit it, or send 0 for every call: there, a part with another id and a
   * name starts a new call.
   */
  #callOf(piece: ToolCallPart): PartialCall {
    const id = piece.id ?? '';
    const name = piece.function?.name ?? '';
    const known = typeof piece.index === 'number' ? this.#byIndex.get(piece.index) : this.#builder.calls.at(-1);
    const another = known !== undefined && name !== '' && (id !== '' ? known.callId !== id : piece.index == null);
    if (known && !another) return known;
    const call = this.#startCall(piece);
    if (typeof piece.index === 'number') this.#byIndex.set(piece.index, call);
    return call;
  }
}
