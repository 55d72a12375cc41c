/**
 * Loaded once per worker, before any workflow: errors and promises get no stack traces.
 *
 * For the query `__stack_trace` the SDK otherwise captures a stack trace for every promise, applies the source map, and
 * keeps it until the promise settles. That took a fifth of the processor time of a turn (docs/decisions/0013).
 */
Error.stackTraceLimit = 0;
