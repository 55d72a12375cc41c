import { randomUUID } from 'node:crypto';
import { LIMITS } from '../contracts/limits.ts';
import type { Finish, ToolCallRequest, Usage } from '../contracts/session/run.ts';
import { ModelError, parseArguments, type ModelCallOptions, type ModelReply } from './model-client.ts';

/** A tool call while its arguments come in. */
export interface GrowingCall {
  callId: string;
  tool: string;
  arguments: string;
}

/** What a client says when the provider has ended its answer. */
export interface ReplyEnd {
  readonly finish: Finish;
  readonly usage: Usage | null;
  readonly model: string;
}

/** Longer ids from a provider are replaced: they are kept with every event of a call. */
const MAX_CALL_ID = 200;

/** Collects one reply within {@link LIMITS}. Every client builds with it, so that all mean the same by an answer. */
export class ReplyBuilder {
  readonly #provider: string;
  readonly #onDelta: ModelCallOptions['onDelta'] | null;
  readonly #calls: GrowingCall[] = [];
  #text = '';
  #reasoning = '';
  #characters = 0;
  #refused = false;

  /** `onDelta` is null when nothing is to be shown before the reply is whole. */
  constructor(provider: string, onDelta: ModelCallOptions['onDelta'] | null) {
    this.#provider = provider;
    this.#onDelta = onDelta;
  }

  get text(): string {
    return this.#text;
  }

  get reasoning(): string {
    return this.#reasoning;
  }

  get calls(): readonly GrowingCall[] {
    return this.#calls;
  }

  say(kind: 'text' | 'reasoning', text: string): void {
    if (text === '') return;
    this.#grow(text.length);
    if (kind === 'text') this.#text += text;
    else this.#reasoning += text;
    this.#onDelta?.({ kind, text });
  }

  /** A refusal is the text of the answer, and ends it as one. */
  refuse(text: string): void {
    this.#refused = true;
    this.say('text', text);
  }

  startCall(callId: string, tool: string): GrowingCall {
    if (this.#calls.length >= LIMITS.toolCallsPerStep.value) {
      throw this.#tooLarge(`more than ${LIMITS.toolCallsPerStep.value} tool calls`);
    }
    const call: GrowingCall = { callId, tool, arguments: '' };
    this.#calls.push(call);
    return call;
  }

  growArguments(call: GrowingCall, text: string): void {
    this.#grow(text.length);
    call.arguments += text;
    // A UTF-16 code unit takes at least a byte, so this cheap test catches runaways; the exact one is at the end.
    if (call.arguments.length > LIMITS.toolArgumentsBytes.value) throw this.#argumentsTooLarge();
  }

  /** Throws `empty_reply` when the provider ended well and yet said nothing. */
  end({ finish, usage, model }: ReplyEnd): ModelReply {
    const toolCalls = this.#finishedCalls(finish === 'length');
    const ended = this.#refused && finish !== 'length' ? 'refusal' : honestFinish(finish, toolCalls.length > 0);
    const saysNothing = this.#text.trim() === '' && toolCalls.length === 0;
    if (saysNothing && (ended === 'stop' || ended === 'other')) {
      throw new ModelError(
        'empty_reply',
        `The provider ${this.#provider} ended its answer without text or tool calls.`,
        { retryable: true },
      );
    }
    return { text: this.#text, reasoning: this.#reasoning, toolCalls, finish: ended, usage, model };
  }

  /** The error for a stream that ended before its terminal event. */
  truncated(): ModelError {
    return new ModelError(
      'stream_truncated',
      `The stream of the provider ${this.#provider} ended before its last event.`,
      { retryable: true },
    );
  }

  #finishedCalls(cutShort: boolean): ToolCallRequest[] {
    const taken = new Set<string>();
    return this.#calls.map((call) => {
      if (Buffer.byteLength(call.arguments) > LIMITS.toolArgumentsBytes.value) throw this.#argumentsTooLarge();
      const parsed = parseArguments(call.arguments);
      // A JSON object that is closed is whole even in an answer that was cut short.
      const cut = cutShort && (parsed.malformed !== null || call.arguments.trim() === '');
      const malformed = cut ? 'the answer reached its length limit before they were complete' : parsed.malformed;
      return {
        callId: uniqueId(call.callId, taken),
        tool: call.tool === '' ? 'unnamed' : call.tool,
        arguments: parsed.arguments,
        malformed,
      };
    });
  }

  #grow(characters: number): void {
    this.#characters += characters;
    if (this.#characters > LIMITS.replyCharacters.value) {
      throw this.#tooLarge(`more than ${LIMITS.replyCharacters.value} characters`);
    }
  }

  #argumentsTooLarge(): ModelError {
    return this.#tooLarge(`more than ${LIMITS.toolArgumentsBytes.value} bytes of arguments in one tool call`);
  }

  #tooLarge(what: string): ModelError {
    return new ModelError('too_large', `The provider ${this.#provider} answered with ${what}. Set maxOutputTokens.`, {
      retryable: false,
    });
  }
}

/** Some providers say `stop` beside tool calls, or `tool_calls` without any. */
function honestFinish(finish: Finish, calls: boolean): Finish {
  if (calls && (finish === 'stop' || finish === 'other')) return 'tool_calls';
  return !calls && finish === 'tool_calls' ? 'stop' : finish;
}

function uniqueId(wanted: string, taken: Set<string>): string {
  const usable = wanted !== '' && wanted.length <= MAX_CALL_ID && !taken.has(wanted);
  const id = usable ? wanted : `call_${randomUUID()}`;
  taken.add(id);
  return id;
}
