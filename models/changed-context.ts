import { canonicalJson } from '../contracts/canonical-json.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { ChangedContext, Origin } from '../contracts/session/call-context.ts';
import type { ModelRequest } from './model-client.ts';
import { requestOf, type ModelContext } from './model-context.ts';

/** The part of a request that middleware may change. */
export type ChangeableRequest = Omit<ModelRequest, 'model' | 'stream'>;

type Kept = readonly [from: number, to: number];
type Changes = Exclude<ChangedContext, { omitted: true }>;

/** The request of a context, for middleware. */
export function changeableRequest(context: ModelContext): ChangeableRequest {
  const { model: _model, stream: _stream, ...request } = requestOf(context, '');
  return request;
}

/** The context with the request that middleware has made of it. Parts that are equal keep their origin. */
export function changeContext(context: ModelContext, request: ChangeableRequest, name: string): ModelContext {
  const origin: Origin = { kind: 'middleware', name };
  const { instructions, messages, tools, conversation: _, ...parameters } = request;
  return {
    instructions: changeInstructions(context.instructions, instructions, origin),
    messages: withOrigins(
      context.messages,
      messages,
      ({ message }) => message,
      (message) => ({ origin, message }),
    ),
    tools: withOrigins(
      context.tools,
      tools,
      ({ tool }) => tool,
      (tool) => ({ origin, tool }),
    ),
    parameters: { ...parameters, stream: context.parameters.stream },
    ...(context.conversation ? { conversation: context.conversation } : {}),
  };
}

/** The text is one string. What was added after it, or in front of it, is a part of its own. */
function changeInstructions(
  parts: ModelContext['instructions'],
  text: string,
  origin: Origin,
): ModelContext['instructions'] {
  const before = parts.map((part) => part.text).join('\n\n');
  if (text === before) return parts;
  if (before !== '' && text.startsWith(`${before}\n\n`))
    return [...parts, { origin, text: text.slice(before.length + 2) }];
  if (before !== '' && text.endsWith(`\n\n${before}`))
    return [{ origin, text: text.slice(0, -before.length - 2) }, ...parts];
  return text === '' ? [] : [{ origin, text }];
}

function withOrigins<Part, Value>(
  before: readonly Part[],
  after: readonly Value[],
  valueOf: (part: Part) => Value,
  partOf: (value: Value) => Part,
): readonly Part[] {
  if (after.length === before.length && after.every((value, at) => value === valueOf(before[at] as Part)))
    return before;
  const byObject = new Map(before.map((part) => [valueOf(part), part]));
  const byContent = new Map(before.map((part) => [canonicalJson(valueOf(part)), part]));
  return after.map((value) => byObject.get(value) ?? byContent.get(canonicalJson(value)) ?? partOf(value));
}

/** What differs between a composed context and the one that was sent, to be stored; undefined for nothing. */
export function recordChanges(composed: ModelContext, sent: ModelContext): ChangedContext | undefined {
  if (composed === sent) return undefined;
  const { stream: _stream, ...parameters } = sent.parameters;
  const { stream: _, ...before } = composed.parameters;
  const changes = {
    ...changedList('instructions', composed.instructions, sent.instructions),
    ...changedList('messages', composed.messages, sent.messages),
    ...changedList('tools', composed.tools, sent.tools),
    ...(canonicalJson(parameters) === canonicalJson(before) ? {} : { parameters: sent.parameters }),
  } as Changes;
  if (Object.keys(changes).length === 0) return undefined;
  const isTooLarge = Buffer.byteLength(JSON.stringify(changes)) > LIMITS.changedContextBytes.value;
  return isTooLarge ? { omitted: true } : changes;
}

/** The composed context with the stored changes. */
export function applyChanges(composed: ModelContext, changed: Changes): ModelContext {
  return {
    instructions: changed.instructions ? apply(composed.instructions, changed.instructions) : composed.instructions,
    messages: changed.messages ? apply(composed.messages, changed.messages) : composed.messages,
    tools: changed.tools ? apply(composed.tools, changed.tools) : composed.tools,
    parameters: changed.parameters ?? composed.parameters,
    ...(composed.conversation ? { conversation: composed.conversation } : {}),
  };
}

function changedList(
  name: keyof Changes,
  before: readonly object[],
  after: readonly object[],
): Partial<Record<keyof Changes, readonly (Kept | object)[]>> {
  if (before.length === after.length && before.every((part, at) => part === after[at])) return {};
  const numbers = new Map(before.map((part, at) => [part, at]));
  const pieces: (Kept | object)[] = [];
  for (const part of after) {
    const at = numbers.get(part);
    const last = pieces.at(-1);
    if (at === undefined) pieces.push(part);
    else if (Array.isArray(last) && last[1] === at) pieces[pieces.length - 1] = [last[0], at + 1];
    else pieces.push([at, at + 1]);
  }
  return { [name]: pieces };
}

function apply<Part>(before: readonly Part[], pieces: readonly (Kept | object)[]): readonly Part[] {
  return pieces.flatMap((piece) => (Array.isArray(piece) ? before.slice(piece[0], piece[1]) : [piece as Part]));
}
