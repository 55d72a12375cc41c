import type { Json } from '../contracts/json.ts';

/** A program, and what determines what it does: the same program with the same results of its calls does the same. */
export interface Program {
  /** The body of an async function. It reads `tools` and `console`, and returns JSON. */
  readonly source: string;
  /** Names of the functions in `tools`. */
  readonly tools: readonly string[];
  /** What the program reads as the time: it does not pass. ISO 8601. */
  readonly now: string;
  /** Seeds `Math.random`. */
  readonly seed: number;
}

/** A call of a tool by a program. Calls count from 1 in the order in which the program makes them. */
export interface ProgramCall {
  readonly index: number;
  readonly tool: string;
  readonly arguments: Json;
}

/** How a call ended: the program gets the result, or an `Error` with the message. */
export type CallSettlement = { readonly result: Json } | { readonly error: string };

/** How a program ended. `logs`: what it wrote to the console, a line for each write. */
export type ProgramOutcome =
  | { readonly status: 'completed'; readonly result: Json; readonly logs: readonly string[] }
  | { readonly status: 'failed'; readonly error: string; readonly logs: readonly string[] };

/** Bounds of one program. */
export interface ProgramLimits {
  readonly memoryBytes: number;
  /** Time that the program itself computes, without waits for its calls. */
  readonly computeMs: number;
  /** Number of calls. */
  readonly calls: number;
  /** The arguments of a call, and the result, as JSON. */
  readonly jsonCharacters: number;
  /** All of the logs. */
  readonly logCharacters: number;
}

/** What the thread of a program is started with. */
export interface ThreadData {
  readonly program: Program;
  readonly limits: ProgramLimits;
}

/** From the thread. JSON stays text until its size is checked. */
export type ThreadMessage =
  | { readonly kind: 'call'; readonly index: number; readonly tool: string; readonly json: string }
  /** The program waits, after it was given the outcomes of `settled` calls. */
  | { readonly kind: 'waits'; readonly settled: number }
  | { readonly kind: 'completed'; readonly json: string; readonly logs: readonly string[] }
  | { readonly kind: 'failed'; readonly error: string; readonly logs: readonly string[] };

/** To the thread: a call has ended. */
export interface SettleMessage {
  readonly index: number;
  readonly failed: boolean;
  /** The result as JSON, or the message of the error. */
  readonly text: string;
}
