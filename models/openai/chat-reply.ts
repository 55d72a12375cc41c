import type { Json } from '../../contracts/json.ts';
import type { Usage } from '../../contracts/session/run.ts';
import type { ModelReply } from '../model-client.ts';
import type { ReplyBuilder } from '../reply-builder.ts';
import { ChatCalls } from './chat-calls.ts';
import { brokeOff, chatFinish, chatResponseSchema, chatUsage, textsOf, type MessagePart } from './chat-schema.ts';
import { parseResponse } from './parse-response.ts';
import { failureIn, unusable, type ErrorSource } from './provider-failure.ts';
import { addMessageFields } from './provider-fields.ts';
import { reportsError } from './provider-report.ts';

/** Assembles a reply from the chunks of a Chat Completions stream, or from one whole response. */
export class ChatReply {
  readonly #source: ErrorSource;
  readonly #builder: ReplyBuilder;
  readonly #calls: ChatCalls;
  readonly #fields: Record<string, Json> = {};
  /** The newest whole message of a stream. It repeats what the deltas said, or stands in for them. */
  #message: MessagePart | null = null;
  #finish: string | null = null;
  #usage: Usage | null = null;
  #model: string;

  constructor(source: ErrorSource, builder: ReplyBuilder, model: string) {
    this.#source = source;
    this.#builder = builder;
    this.#calls = new ChatCalls(builder);
    this.#model = model;
  }

  /** Whether the finish reason, this protocol's terminal event, has arrived. The usage may follow it. */
  get ended(): boolean {
    return this.#finish !== null;
  }

  /** One chunk of a stream. `name` is the event's, which only errors have here. */
  take(chunk: unknown, name: string | null): void {
    if (name === 'error' || reportsError(chunk)) throw failureIn(this.#source, chunk);
    const { model, choices, usage } = parseResponse(this.#source.provider, chatResponseSchema, chunk);
    if (model) this.#model = model;
    if (usage) this.#usage = chatUsage(usage, this.#usage);
    const choice = choices?.find((one) => one !== null);
    if (!choice) return;
    if (reportsError(choice)) throw failureIn(this.#source, choice);
    if (choice.delta) this.#append(choice.delta);
    if (choice.message && hasContent(choice.message)) this.#message = choice.message;
    const reason = choice.finish_reason ?? '';
    if (brokeOff(reason)) throw failureIn(this.#source, choice);
    // Some servers send `null` as text until the end.
    if (reason !== '' && reason !== 'null') this.#finish = reason;
  }

  /** The whole response. Without a finish reason it is complete. */
  takeWhole(response: unknown): void {
    this.take(response, null);
    if (this.#message === null && this.#finish === null) throw unusable(this.#source, 'without a choice', response);
    this.#finish ??= 'stop';
  }

  /** Throws `stream_truncated` without a finish reason: some servers send `[DONE]` after an incomplete reply, too. */
  end(): ModelReply {
    if (this.#finish === null) throw this.#builder.truncated();
    this.#fillIn();
    return this.#builder.end({
      finish: chatFinish(this.#finish),
      usage: this.#usage,
      model: this.#model,
      fields: this.#fields,
    });
  }

  #append(message: MessagePart): void {
    this.#appendReasoning(message);
    this.#builder.append('text', textsOf(message.content).text);
    if (message.refusal) this.#builder.appendRefusal(message.refusal);
    for (const piece of message.tool_calls ?? []) if (piece) this.#calls.addPiece(piece);
  }

  /** An empty string in one of the two fields must not hide the other. */
  #appendReasoning(message: MessagePart): void {
    addMessageFields(this.#fields, message);
    const named = [message.reasoning_content, message.reasoning].map((content) => textsOf(content));
    const field = named.map(({ text, reasoning }) => text || reasoning).find((text) => text !== '');
    this.#builder.append('reasoning', field ?? textsOf(message.content).reasoning);
  }

  /** Takes from the whole message what no delta has said. */
  #fillIn(): void {
    const message = this.#message;
    if (!message) return;
    const { text, reasoning, calls } = this.#builder;
    const said = text !== '';
    if (reasoning === '') this.#appendReasoning(message);
    if (!said) {
      this.#builder.append('text', textsOf(message.content).text);
      if (message.refusal) this.#builder.appendRefusal(message.refusal);
    }
    if (calls.length === 0) for (const call of message.tool_calls ?? []) if (call) this.#calls.addWhole(call);
  }
}

function hasContent({ content, refusal, tool_calls: calls, reasoning, reasoning_content }: MessagePart): boolean {
  return [content, refusal, reasoning, reasoning_content].some((one) => one?.length) || Boolean(calls?.length);
}
