/**
 * Loaded once for all workflows of a worker, before there are any: errors and promises carry no stack from here on.
 *
 * The SDK takes one for each promise that a workflow makes, maps it to the sources, and keeps it until the promise is
 * settled, for the query `__stack_trace`. That was a fifth of the processor time of a turn (docs/decisions/0013).
 */
Error.stackTraceLimit = 0;
