import type { Usage } from '../../contracts/session/run.ts';
import { chatAnswerSchema, chatFinish, chatUsage, type WireCall, type WireSaid } from './chat-wire.ts';
import type { ModelReply } from '../model-client.ts';
import type { GrowingCall, ReplyBuilder } from '../reply-builder.ts';
import { readAnswer } from './read-answer.ts';

/** Puts the chunks of a Chat Completions stream, or its one whole answer, together. */
export class ChatReply {
  readonly #provider: string;
  readonly #builder: ReplyBuilder;
  readonly #byIndex = new Map<number, GrowingCall>();
  #finish: string | null = null;
  #usage: Usage | null = null;
  #model: string;

  constructor(provider: string, builder: ReplyBuilder, model: string) {
    this.#provider = provider;
    this.#builder = builder;
    this.#model = model;
  }

  /** Whether the provider has said why it ended: the terminal event of this protocol. Usage may still follow. */
  get ended(): boolean {
    return this.#finish !== null;
  }

  take(answer: unknown): void {
    const { model, choices, usage } = readAnswer(this.#provider, chatAnswerSchema, answer);
    if (model) this.#model = model;
    if (usage) this.#usage = chatUsage(usage);
    const choice = choices?.[0];
    if (!choice) return;
    if (choice.delta) this.#hear(choice.delta, (call) => this.#callOf(call));
    if (choice.message) this.#hear(choice.message, (call) => this.#startCall(call));
    if (choice.finish_reason) this.#finish = choice.finish_reason;
  }

  /** Throws `stream_truncated` when no reason for the end was given: `[DONE]` alone proves nothing. */
  end(): ModelReply {
    if (this.#finish === null) throw this.#builder.truncated();
    return this.#builder.end({ finish: chatFinish(this.#finish), usage: this.#usage, model: this.#model });
  }

  #hear(said: WireSaid, callOf: (piece: WireCall) => GrowingCall): void {
    this.#builder.say('reasoning', said.reasoning_content ?? said.reasoning ?? '');
    this.#builder.say('text', said.content ?? '');
    if (said.refusal) this.#builder.refuse(said.refusal);
    for (const piece of said.tool_calls ?? []) {
      const call = callOf(piece);
      if (call.tool === '') call.tool = piece.function?.name ?? '';
      const args = piece.function?.arguments ?? '';
      this.#builder.growArguments(call, typeof args === 'string' ? args : JSON.stringify(args));
    }
  }

  #startCall(piece: WireCall): GrowingCall {
    return this.#builder.startCall(piece.id ?? '', piece.function?.name ?? '');
  }

  /**
   * Pieces of one call share an index. Some servers leave it out, or send 0 for every call: then a piece that
   * brings another id, and a name with it, begins another call.
   */
  #callOf(piece: WireCall): GrowingCall {
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
