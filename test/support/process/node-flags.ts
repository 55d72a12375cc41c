/**
 * Flags of Node in tests and in the processes that they start. V8 compiles WebAssembly once, without optimising it: a process lives
 * for seconds, in which the embedded store's optimised code takes a quarter of the processor time of a start, and half of its memory.
 */
export const NODE_FLAGS: readonly string[] = ['--liftoff-only'];
