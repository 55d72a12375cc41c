import type { Limit } from './limit.ts';

/** Models' replies and providers. */
export const MODEL_LIMITS = {
  replyCharacters: { value: 2_000_000, unit: 'characters', error: 'run_failed', what: 'the text of one reply' },
  replyDocumentBytes: {
    value: 16 * 1024 * 1024,
    unit: 'bytes',
    error: 'run_failed',
    what: "one event of a model's stream, or its whole response without streaming",
  },
  providerDataBytes: {
    value: 128 * 1024,
    unit: 'bytes',
    error: null,
    what: 'the fields that a provider attaches to one reply and gets back, as JSON; larger ones are left out',
  },
  providerConversationIdCharacters: {
    value: 200,
    unit: 'characters',
    error: null,
    what: "the id of a conversation that a provider keeps; a longer one is not used, so the provider's next call gets the local transcript",
  },
  providerMessageCharacters: {
    value: 2_000,
    unit: 'characters',
    error: null,
    what: "a provider's description of an error, cut at its end",
  },
  modelSilenceMs: {
    value: 120_000,
    unit: 'ms',
    error: 'run_failed',
    what: "the longest pause in a model's stream (default; policy `modelSilenceMs`)",
  },
  runMs: {
    value: 5 * 60_000,
    unit: 'ms',
    error: 'run_failed',
    what: 'the working time of a run, waits left out (default; set per agent)',
  },
  contextTokens: {
    value: 8_192,
    unit: 'tokens',
    error: 'too_large',
    what: "the context window of a model whose window is not known, for an agent with `window` (default; `window.maxTokens`, or the deployment file's `models`)",
  },
  reserveTokens: {
    value: 1_000,
    unit: 'tokens',
    error: null,
    what: 'the part of a context window that is kept for the answer (default; `window.reserveTokens`)',
  },
  summaryTokens: {
    value: 2_000,
    unit: 'tokens',
    error: null,
    what: 'one summary of older messages, cut at its end; at most a sixth of the window',
  },
  summaryMs: {
    value: 60_000,
    unit: 'ms',
    error: null,
    what: 'the model call that makes a summary; then the older messages are left out',
  },
  providerConnections: {
    value: 1_000,
    unit: 'items',
    error: null,
    what: 'the connections of a process to one provider; further model calls wait for one, within `modelSilenceMs`',
  },
  coolDownMs: {
    value: 24 * 3_600_000,
    unit: 'ms',
    error: 'run_failed',
    what: 'the longest cool-down of a provider, whatever it requests',
  },
  providerPlaceMs: {
    value: 10_000,
    unit: 'ms',
    error: 'rate_limited',
    what: 'how long the call of a lost worker keeps its place at the provider',
  },
} as const satisfies Record<string, Limit>;
