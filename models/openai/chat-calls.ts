import type { Json } from '../../contracts/json.ts';
import type { PartialCall, ReplyBuilder } from '../reply-builder.ts';
import type { ToolCallPart } from './chat-schema.ts';
import { JsonEnd } from './json-end.ts';
import { addCallFields } from './provider-fields.ts';

interface Assembled {
  readonly call: PartialCall;
  /** Whether the arguments are one whole object. */
  readonly end: JsonEnd;
  readonly fields: Record<string, Json>;
}

/**
 * Assembles the tool calls of a reply from their pieces. By the protocol, pieces of one call share an index, and the first one
 * has id and name. Servers omit the index, repeat it for every call, count it with every piece, send the id or the name in
 * each piece, or another id in each.
 */
export class ChatCalls {
  readonly #builder: ReplyBuilder;
  readonly #byIndex = new Map<number, Assembled>();
  readonly #byId = new Map<string, Assembled>();
  #last: Assembled | null = null;

  constructor(builder: ReplyBuilder) {
    this.#builder = builder;
  }

  /** Adds a piece of a call that streams. */
  addPiece(piece: ToolCallPart): void {
    const known = this.#callOf(piece);
    const assembled = known ?? this.#start(piece);
    if (typeof piece.index === 'number') this.#byIndex.set(piece.index, assembled);
    this.#append(assembled, piece);
  }

  /** Adds a call of a message that is whole. */
  addWhole(piece: ToolCallPart): void {
    this.#append(this.#start(piece), piece);
  }

  #start({ id, function: named }: ToolCallPart): Assembled {
    const call = this.#builder.startCall(id ?? '', named?.name ?? '');
    const assembled = { call, end: new JsonEnd(), fields: {} };
    call.providerFields = assembled.fields;
    if (id) this.#byId.set(id, assembled);
    this.#last = assembled;
    return assembled;
  }

  #append({ call, end, fields }: Assembled, piece: ToolCallPart): void {
    const name = piece.function?.name ?? '';
    if (call.tool === '') call.tool = name;
    if (call.callId === '' && piece.id) call.callId = piece.id;
    addCallFields(fields, piece);
    const args = piece.function?.arguments ?? '';
    const text = typeof args === 'string' ? args : JSON.stringify(args);
    if (end.closed) {
      // Servers repeat a whole call, or begin with an empty object and send the arguments then.
      if (text === call.arguments) return;
      if (/^\s*\{\s*\}\s*$/.test(call.arguments) && text.trimStart().startsWith('{')) {
        call.arguments = '';
        end.reset();
      }
    }
    this.#builder.appendArguments(call, text);
    end.feed(text);
  }

  /** The call that a piece continues; null if it begins another. */
  #callOf(piece: ToolCallPart): Assembled | null {
    const byIndex = typeof piece.index === 'number' ? (this.#byIndex.get(piece.index) ?? null) : null;
    const id = piece.id ?? '';
    const name = piece.function?.name ?? '';
    const byId = id === '' ? null : (this.#byId.get(id) ?? null);
    if (byId) {
      const elsewhere = typeof piece.index === 'number' && byIndex !== byId;
      return elsewhere && name !== '' ? null : byId;
    }
    if (byIndex) return this.#beginsAnother(byIndex, id, name, piece) ? null : byIndex;
    const last = this.#last;
    if (last === null) return null;
    if (typeof piece.index === 'number') {
      // An index that grows with every piece, or the rest of a call that began at a wrong one.
      return name === '' && !last.end.closed && (id === '' || last.end.begun) ? last : null;
    }
    return this.#beginsAnother(last, id, name, piece) ? null : last;
  }

  #beginsAnother({ call, end }: Assembled, id: string, name: string, piece: ToolCallPart): boolean {
    if (name === '') return false;
    if (id !== '' && call.callId !== '') return call.callId !== id;
    if (call.tool !== '' && call.tool !== name) return true;
    const brings = (piece.function?.arguments ?? '') !== '';
    return brings && (end.closed || (typeof piece.index !== 'number' && !end.begun && call.tool !== ''));
  }
}
