import type { Json } from '../../contracts/json.ts';
import type { ProviderFields } from '../../contracts/session/run.ts';
import type { MessagePart, ToolCallPart } from './chat-schema.ts';

type Fields = Readonly<Record<string, Json>>;

/** The fields that are returned to the provider. Nothing else is, since an imported session may hold anything. */
const MESSAGE_FIELDS = ['reasoning_content', 'reasoning', 'reasoning_details', 'thinking_blocks', 'extra_content'];
const CALL_FIELDS = ['extra_content', 'provider_specific_fields'];

/** A server's rejection of such a field: it sends them, but does not accept them. */
const REFUSED =
  /(?:reasoning|thinking_blocks|extra_content|provider_specific).*(?:unsupported|not supported|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|extra)|(?:unsupported|unrecogni[sz]ed|unknown|unexpected|not permitted|extra inputs).*(?:reasoning|thinking_blocks|extra_content|provider_specific)/is;

export function refusesProviderFields(message: string): boolean {
  return REFUSED.test(message);
}

/** Adds the fields of a delta, or of a whole message, to those before. */
export function addMessageFields(fields: Record<string, Json>, message: MessagePart): void {
  for (const name of ['reasoning_content', 'reasoning'] as const) {
    const text = message[name];
    if (typeof text === 'string' && text !== '') fields[name] = textIn(fields[name]) + text;
  }
  for (const name of ['reasoning_details', 'thinking_blocks'] as const) {
    if (message[name]?.length) fields[name] = joined(listIn(fields[name]), message[name]);
  }
  if (message.extra_content) fields['extra_content'] = message.extra_content;
}

export function addCallFields(fields: Record<string, Json>, piece: ToolCallPart): void {
  if (piece.extra_content) fields['extra_content'] = piece.extra_content;
  if (piece.provider_specific_fields) fields['provider_specific_fields'] = piece.provider_specific_fields;
}

export function messageFields({ message }: ProviderFields): Fields {
  return pick(message, MESSAGE_FIELDS);
}

export function callFields({ calls }: ProviderFields, index: number): Fields {
  return pick(calls[index] ?? {}, CALL_FIELDS);
}

/** The id by which the provider refers to a call, if it was too long to be the call's id. LiteLLM puts signatures in ids. */
export function wireId({ calls }: ProviderFields, index: number): string | null {
  const id = calls[index]?.['id'];
  return typeof id === 'string' ? id : null;
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
}

/** Appends the items of a delta. Pieces of one item have its type and index: their texts are joined. */
function joined(list: Fields[], more: readonly Fields[]): Json[] {
  for (const item of more) {
    const last = list.at(-1);
    const same = last !== undefined && last['type'] === item['type'] && last['index'] === item['index'];
    if (same && item['index'] !== undefined) list[list.length - 1] = joinedItem(last, item);
    else list.push(item);
  }
  return list;
}

function joinedItem(last: Fields, item: Fields): Fields {
  const joins = { ...last };
  for (const [name, value] of Object.entries(item)) {
    if (name === 'text' || name === 'summary' || name === 'data' || name === 'thinking') {
      joins[name] = textIn(last[name]) + textIn(value);
    } else if (value !== null) joins[name] = value;
  }
  return joins;
}

function textIn(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function listIn(value: Json | undefined): Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}
