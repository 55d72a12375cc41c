import type { Finish, Usage } from '../../contracts/session/run.ts';
import { parseArguments } from '../model-client.ts';
import type { ScriptedCall, ScriptedFailure, ScriptedReply } from './scripted-reply.ts';

/** The scripted reply of one model call. */
export interface ScriptedStep extends ScriptedReply {
  /** How many attempts of this call fail before it succeeds. Default: all. */
  readonly failTimes?: number;
}

export interface Script {
  /** One for each model call since the message, in order. */
  readonly steps: readonly ScriptedStep[];
  /** Recorded in the call log with each call for this message. */
  readonly mark: string | null;
}

const VALUE = /"(?:[^"\\]|\\.)*"|\S*/y;
const FINISHES: readonly string[] = ['stop', 'length', 'refusal', 'other'] satisfies Finish[];
const NAMES = 'echo, think, chunks, delay, first, tool, finish, usage, fail, fail-after, fail-times, mark, then';

/**
 * Parses the script in a message; null without one. A script starts at the first `@name=` that follows a space or begins the
 * message, and extends to the end. The text before it is ignored.
 *
 *     @echo=WORD  @echo="some text"  the text; "" is an empty one
 *     @think=TEXT                    the reasoning
 *     @chunks=40                     the number of pieces; without @echo, the text is "1 2 3 …"
 *     @delay=50  @first=200          ms before each piece, and before the first
 *     @tool=NAME:{"a":1}             a tool call; may be repeated. NAME:"text" sends arguments that are not a JSON object
 *     @finish=length                 or stop, refusal, other
 *     @usage=120/30                  input and output tokens; or none: not reported
 *     @fail=429:1500                 a status, with Retry-After in ms; or quota, truncated, connection, timeout
 *     @fail-after=3                  pieces before the failure (default 0)
 *     @fail-times=2                  attempts that fail (default all); each message must be unique
 *     @mark=ID                       recorded in the call log
 *     @then                          starts the next model call for this message
 *
 * For example, `@chunks=40 @delay=50 @tool=clock:{} @then @echo=done` streams 40 pieces 50 ms apart, calls `clock`, and then
 * replies `done`. A call without text, pieces, tools or failure gets the default reply. Throws an Error that names the
 * invalid directive.
 */
export function parseScript(message: string): Script | null {
  const start = message.search(/(?<=^|\s)@[a-z][a-z-]*=/);
  if (start < 0) return null;
  const steps: Building[] = [{}];
  let mark: string | null = null;
  for (const { name, value } of directives(message.slice(start))) {
    const step = steps.at(-1)!;
    if (name === 'then') steps.push({});
    else if (name === 'mark') mark = value;
    else apply(step, name, value);
  }
  return { steps, mark };
}

type Building = { -readonly [Key in keyof ScriptedStep]: ScriptedStep[Key] };

function* directives(text: string): Generator<{ name: string; value: string }> {
  const head = /\s*@([a-z][a-z-]*)(=?)/y;
  while (head.lastIndex < text.trimEnd().length) {
    const from = head.lastIndex;
    const match = head.exec(text);
    if (!match)
      throw new Error(`Expected a directive at position ${from} of the script. Quote values that contain spaces.`);
    const [, name = '', equals] = match;
    const end = equals === '' ? head.lastIndex : endOfValue(text, head.lastIndex, name);
    yield { name, value: unquoted(text.slice(head.lastIndex, end)) };
    head.lastIndex = end;
  }
}

/** A value is a JSON string, a run of non-space characters, or, after `NAME:`, a JSON object. */
function endOfValue(text: string, from: number, name: string): number {
  const json = name === 'tool' ? text.slice(from).match(/^[^\s:]+:(?=[{"])/) : null;
  if (json && text[from + json[0].length] === '{') return endOfObject(text, from + json[0].length);
  VALUE.lastIndex = from + (json ? json[0].length : 0);
  VALUE.exec(text);
  return VALUE.lastIndex;
}

function endOfObject(text: string, from: number): number {
  let depth = 0;
  for (const token of text.slice(from).matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token[0] === '{') depth++;
    if (token[0] === '}' && --depth === 0) return from + token.index + 1;
  }
  throw new Error('The arguments of @tool have an unclosed brace.');
}

function unquoted(value: string): string {
  return value.startsWith('"') ? parseText('a value', value) : value;
}

function parseText(what: string, value: string): string {
  try {
    return JSON.parse(value) as string;
  } catch {
    throw new Error(`The quoted text of ${what} is not a valid JSON string.`);
  }
}

function apply(step: Building, name: string, value: string): void {
  switch (name) {
    case 'echo':
      step.text = value;
      return;
    case 'think':
      step.reasoning = value;
      return;
    case 'chunks':
      step.chunks = number(name, value, 100_000);
      return;
    case 'delay':
      step.delayMs = number(name, value, 600_000);
      return;
    case 'first':
      step.firstDelayMs = number(name, value, 600_000);
      return;
    case 'tool':
      step.toolCalls = [...(step.toolCalls ?? []), toolCall(value)];
      return;
    case 'finish':
      if (!FINISHES.includes(value)) throw new Error(`@finish must be one of ${FINISHES.join(', ')}.`);
      step.finish = value as Finish;
      return;
    case 'usage':
      step.usage = usage(value);
      return;
    case 'fail':
      step.failure = failure(value);
      return;
    case 'fail-after':
      step.failAfter = number(name, value, 100_000);
      return;
    case 'fail-times':
      step.failTimes = number(name, value, 1_000);
      return;
    default:
      throw new Error(`Unknown directive @${name}. Available: ${NAMES}.`);
  }
}

function number(name: string, value: string, max: number): number {
  const result = /^\d+$/.test(value) ? Number(value) : NaN;
  if (!(result <= max)) throw new Error(`@${name} must be an integer from 0 to ${max}.`);
  return result;
}

function toolCall(value: string): ScriptedCall {
  const colon = value.indexOf(':');
  if (colon < 0) return { tool: value };
  const tool = value.slice(0, colon);
  const rest = value.slice(colon + 1);
  if (rest.startsWith('"')) return { tool, raw: parseText('@tool', rest) };
  const { arguments: args, malformed } = parseArguments(rest);
  return malformed === null ? { tool, arguments: args } : { tool, raw: rest };
}

function usage(value: string): Usage | null {
  if (value === 'none') return null;
  const [input = '', output = ''] = value.split('/');
  return {
    inputTokens: number('usage', input, 1e9),
    outputTokens: number('usage', output, 1e9),
    cachedTokens: null,
    reasoningTokens: null,
  };
}

function failure(value: string): ScriptedFailure {
  if (value === 'truncated' || value === 'connection' || value === 'timeout') return value;
  if (value === 'quota') return { status: 429, code: 'insufficient_quota' };
  const [status = '', after] = value.split(':');
  if (!/^[45]\d\d$/.test(status)) {
    throw new Error('@fail must be a status from 400 to 599, quota, truncated, connection or timeout.');
  }
  return {
    status: Number(status),
    ...(after === undefined ? {} : { retryAfterMs: number('fail', after, 86_400_000) }),
  };
}
