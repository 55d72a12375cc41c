import { randomUUID } from 'node:crypto';
import type { Json } from '../contracts/json.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { Finish, ProviderFields, ToolCallRequest, Usage } from '../contracts/session/run.ts';
import { ModelError, parseArguments, type ModelCallOptions, type ModelReply } from './model-client.ts';

/** A tool call whose arguments are still arriving. */
export interface PartialCall {
  callId: string;
  tool: string;
  arguments: string;
  /** What the provider attached to the call. */
  providerFields?: Record<string, Json>;
}

/** The metadata of a reply, known at its end. */
export interface ReplyEnd {
  readonly finish: Finish;
  readonly usage: Usage | null;
  readonly model: string;
  /** What the provider attached to the reply. */
  readonly fields?: Readonly<Record<string, Json>>;
}

/** Longer call ids are replaced, because every event of a call stores its id. The provider gets its own back. */
const MAX_CALL_ID = 200;

/** Assembles one reply within {@link LIMITS}. All clients use it, so that their replies follow the same rules. */
export class ReplyBuilder {
  readonly #provider: string;
  readonly #onDelta: ModelCallOptions['onDelta'] | null;
  readonly #calls: PartialCall[] = [];
  #text = '';
  #reasoning = '';
  #characters = 0;
  #refused = false;

  /** `onDelta`: null without streaming. */
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

  get calls(): readonly PartialCall[] {
    return this.#calls;
  }

  append(kind: 'text' | 'reasoning', text: string): void {
    if (text === '') return;
    this.#count(text.length);
    if (kind === 'text') this.#text += text;
    else this.#reasoning += text;
    this.#onDelta?.({ kind, text });
  }

  /** Appends the text of a refusal, which makes `refusal` the finish. */
  appendRefusal(text: string): void {
    this.#refused = true;
    this.append('text', text);
  }

  startCall(callId: string, tool: string): PartialCall {
    if (this.#calls.length >= LIMITS.toolCallsPerStep.value) {
      throw this.#tooLarge(`more than ${LIMITS.toolCallsPerStep.value} tool calls`);
    }
    const call: PartialCall = { callId, tool, arguments: '' };
    this.#calls.push(call);
    return call;
  }

  appendArguments(call: PartialCall, text: string): void {
    this.#count(text.length);
    call.arguments += text;
    // A UTF-16 code unit takes at least a byte, so this cheap check stops runaways early; `end` checks exactly.
    if (call.arguments.length > LIMITS.toolArgumentsBytes.value) throw this.#argumentsTooLarge();
  }

  /** Completes the reply. Throws `empty_reply` if it finished normally without text or tool calls. */
  end({ finish, usage, model, fields = {} }: ReplyEnd): ModelReply {
    const calls = withoutRepeats(this.#calls);
    const toolCalls = this.#finishedCalls(calls, finish === 'length');
    const ended = this.#refused && finish !== 'length' ? 'refusal' : normalFinish(finish, toolCalls.length > 0);
    const isEmpty = this.#text.trim() === '' && toolCalls.length === 0;
    if (isEmpty && (ended === 'stop' || ended === 'other')) {
      throw new ModelError(
        'empty_reply',
        `The provider ${this.#provider} sent an empty reply, without text or tool calls.`,
        { retryable: true },
      );
    }
    const providerFields = toolCalls.length > 0 ? fieldsWithinLimit(fields, calls) : null;
    const attached = providerFields ? { providerFields } : {};
    return { text: this.#text, reasoning: this.#reasoning, toolCalls, ...attached, finish: ended, usage, model };
  }

  /** Creates the error for a stream that ended before its terminal event. */
  truncated(): ModelError {
    return new ModelError(
      'stream_truncated',
      `The stream of the provider ${this.#provider} ended before its terminal event.`,
      { retryable: true },
    );
  }

  #finishedCalls(calls: readonly PartialCall[], cutShort: boolean): ToolCallRequest[] {
    const taken = new Set<string>();
    return calls.map((call) => {
      if (Buffer.byteLength(call.arguments) > LIMITS.toolArgumentsBytes.value) throw this.#argumentsTooLarge();
      const parsed = parseArguments(call.arguments);
      // A valid JSON object is complete, even in a reply that was cut short.
      const incomplete = cutShort && (parsed.malformed !== null || call.arguments.trim() === '');
      const malformed = incomplete ? 'the reply reached its length limit before they were complete' : parsed.malformed;
      return {
        callId: uniqueId(call.callId, taken),
        tool: call.tool === '' ? 'unnamed' : call.tool,
        arguments: parsed.arguments,
        malformed,
      };
    });
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > LIMITS.replyCharacters.value) {
      throw this.#tooLarge(`more than ${LIMITS.replyCharacters.value} characters`);
    }
  }

  #argumentsTooLarge(): ModelError {
    return this.#tooLarge(`more than ${LIMITS.toolArgumentsBytes.value} bytes of arguments in one tool call`);
  }

  #tooLarge(what: string): ModelError {
    const message = `The reply of the provider ${this.#provider} is too large: ${what}. Set maxOutputTokens.`;
    return new ModelError('too_large', message, { retryable: false });
  }
}

/** Corrects the finish of providers that send `stop` with tool calls, or `tool_calls` without. */
function normalFinish(finish: Finish, hasCalls: boolean): Finish {
  if (hasCalls && (finish === 'stop' || finish === 'other')) return 'tool_calls';
  return !hasCalls && finish === 'tool_calls' ? 'stop' : finish;
}

/** Leaves out calls that repeat the id, tool and arguments of another: some servers send a call at several places. */
function withoutRepeats(calls: readonly PartialCall[]): PartialCall[] {
  const seen = new Set<string>();
  return calls.filter(({ callId, tool, arguments: args }) => {
    const key = JSON.stringify([callId, tool, args.trim()]);
    if (callId !== '' && seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The fields of the calls first, because signatures are small and required. What exceeds the limit is left out whole: a part of it is of no use. */
function fieldsWithinLimit(
  message: Readonly<Record<string, Json>>,
  calls: readonly PartialCall[],
): ProviderFields | null {
  let left: number = LIMITS.providerDataBytes.value;
  const fit = ([name, value]: [string, Json]) => {
    const bytes = Buffer.byteLength(JSON.stringify({ [name]: value }));
    if (bytes > left) return false;
    left -= bytes;
    return true;
  };
  const within = (fields: Readonly<Record<string, Json>>) => Object.fromEntries(Object.entries(fields).filter(fit));
  const ofCalls = calls.map(({ callId, providerFields = {} }) =>
    within(callId.length > MAX_CALL_ID ? { ...providerFields, id: callId } : providerFields),
  );
  const kept = { message: within(message), calls: ofCalls };
  const isEmpty = [kept.message, ...ofCalls].every((fields) => Object.keys(fields).length === 0);
  return isEmpty ? null : kept;
}

function uniqueId(wanted: string, taken: Set<string>): string {
  const usable = wanted !== '' && wanted.length <= MAX_CALL_ID && !taken.has(wanted);
  const id = usable ? wanted : `call_${randomUUID()}`;
  taken.add(id);
  return id;
}
