/** What the client makes of a response. Absent fields are not compared. */
export type Expected =
  | {
      readonly text?: string;
      readonly reasoning?: string;
      /** Tool and arguments of each call. */
      readonly calls?: readonly (readonly [tool: string, args: unknown])[];
      readonly usage?: unknown;
      readonly finish?: string;
      /** The messages, or input items, of a second request in which each call has the result `done`. */
      readonly sentBack?: readonly unknown[];
    }
  | {
      /** The `reason` of the ModelError. */
      readonly error: string;
      readonly retryable: boolean;
      /** Part of its message. */
      readonly says?: string;
      readonly providerMessage?: string | null;
      readonly retryAfterMs?: number | null;
    };

/** One way in which a provider differs from the protocol. */
export interface Quirk {
  /** Who does what: the name of the test. */
  readonly name: string;
  /** Default `chat`. */
  readonly api?: 'chat' | 'responses';
  /** Whether the request asks for a stream. Default true. */
  readonly stream?: boolean;
  /** Default 200. */
  readonly status?: number;
  /** Default: `text/event-stream`, or `application/json` for a body that is an object or an array. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The bytes that are sent, or an object that is sent as JSON. */
  readonly body: unknown;
  readonly expect: Expected;
}

/** A chunk of a Chat Completions stream. */
export function chunk(delta: object, finish: string | null = null, more: object = {}): string {
  return data({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }], ...more });
}

/** A piece of a tool call, as a chunk. */
export function piece(call: object, more: object = {}): string {
  return chunk({ tool_calls: [call], ...more });
}

export function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** An event of a Responses stream. */
export function event(type: string, fields: object): string {
  return `event: ${type}\n${data({ type, ...fields })}`;
}

export const DONE = 'data: [DONE]\n\n';

/** A whole stream with these frames. */
export function stream(...frames: readonly string[]): string {
  return [...frames, DONE].join('');
}

/** A whole response of Chat Completions. */
export function whole(message: object, finish: string | null = 'stop', more: object = {}): object {
  return { object: 'chat.completion', choices: [{ index: 0, message, finish_reason: finish }], ...more };
}
