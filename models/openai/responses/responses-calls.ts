import type { PartialCall, ReplyBuilder } from '../../reply-builder.ts';
import type { OutputItem } from './responses-schema.ts';

interface Streamed {
  readonly call: PartialCall;
  itemId: string;
  readonly index: number | null;
}

/**
 * Assembles the function calls of a reply. The same call comes up to four times: as a new item, as deltas of its arguments, as
 * a complete item, and in the final output. Servers differ in what identifies it there; each call must be found again, or
 * it would run twice.
 */
export class ResponsesCalls {
  readonly #builder: ReplyBuilder;
  readonly #streamed: Streamed[] = [];

  constructor(builder: ReplyBuilder) {
    this.#builder = builder;
  }

  /** An item that an event adds or completes. */
  addItem(item: OutputItem, index: number | null): void {
    const known =
      this.#find((one) => sameItem(one, item) && (one.index === index || !hasOtherCallId(one, item))) ??
      this.#find((one) => sameCallId(one, item) && (one.itemId === '' || !item.id)) ??
      this.#find((one) => one.index === index && index !== null && !hasOtherCallId(one, item));
    this.#update(known ?? this.#start(item, index), item);
  }

  /** A delta of the arguments; `done` replaces them by `text`, if there is any. */
  addArguments(itemId: string | null, index: number | null, text: string, done: boolean): void {
    const known =
      this.#find((one) => itemId !== null && itemId !== '' && one.itemId === itemId) ??
      this.#find((one) => index === null || one.index === index);
    if (!known) return;
    if (done) this.#replaceArguments(known.call, text);
    else this.#builder.appendArguments(known.call, text);
  }

  /** The function calls of the final output, which may repeat those that have streamed. */
  addOutput(items: readonly OutputItem[]): void {
    const open = new Set(this.#streamed);
    let rest = items;
    // The surest match first, for all items, so that a weaker one cannot take its call.
    for (const matches of [sameIds, sameCallId, sameItem, sameCall]) {
      rest = rest.filter((item) => {
        const found = [...open].find((one) => matches(one, item));
        if (!found) return true;
        open.delete(found);
        this.#update(found, item);
        return false;
      });
    }
    for (const item of rest) this.#update(this.#start(item, null), item);
  }

  #start(item: OutputItem, index: number | null): Streamed {
    const call = this.#builder.startCall(item.call_id ?? '', item.name ?? '');
    const streamed = { call, itemId: item.id ?? '', index };
    this.#streamed.push(streamed);
    return streamed;
  }

  #update(streamed: Streamed, item: OutputItem): void {
    const { call } = streamed;
    if (item.name) call.tool = item.name;
    if (call.callId === '' && item.call_id) call.callId = item.call_id;
    if (streamed.itemId === '' && item.id) streamed.itemId = item.id;
    this.#replaceArguments(call, item.arguments ?? '');
  }

  /** The complete arguments replace the deltas. Some servers send empty ones there. */
  #replaceArguments(call: PartialCall, text: string): void {
    const isEmpty = /^\s*(?:\{\s*\})?\s*$/.test(text);
    if (text === call.arguments || (isEmpty && call.arguments.trim() !== '')) return;
    call.arguments = '';
    this.#builder.appendArguments(call, text);
  }

  /** The newest call: some servers give every item the same index. */
  #find(matches: (one: Streamed) => boolean): Streamed | undefined {
    return this.#streamed.findLast(matches);
  }
}

function sameCallId({ call }: Streamed, { call_id: id }: OutputItem): boolean {
  return call.callId !== '' && call.callId === id;
}

function hasOtherCallId({ call }: Streamed, { call_id: id }: OutputItem): boolean {
  return call.callId !== '' && Boolean(id) && call.callId !== id;
}

function sameItem({ itemId }: Streamed, { id }: OutputItem): boolean {
  return itemId !== '' && itemId === id;
}

function sameIds(one: Streamed, item: OutputItem): boolean {
  return sameCallId(one, item) && sameItem(one, item);
}

function sameCall({ call }: Streamed, { name, arguments: args }: OutputItem): boolean {
  return call.tool === (name ?? '') && sameArguments(call.arguments, args);
}

/** Compares as JSON: servers that build the final item anew write it with other spaces. */
function sameArguments(one: string, other: string | null | undefined): boolean {
  return canonical(one) === canonical(other ?? '');
}

function canonical(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text.trim() === '' ? '{}' : text));
  } catch {
    return text;
  }
}
