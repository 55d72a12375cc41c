import { z } from 'zod';
import type { CapabilityRef } from '../capabilities/capability.ts';
import type { JsonObject } from '../json.ts';
import { namespaceSchema } from './state.ts';

/** What a history provider does for an agent. */
export const historySwitchesSchema = z.strictObject({
  /** Whether it gives the earlier messages of a run. `false`: the store does. Default true. */
  load: z.boolean().default(true),
  /** Whether it gets the messages that a run has answered. Default true. */
  storeInputs: z.boolean().default(true),
  /** Whether it gets the answer of a run, its replies and its tool results. Default true. */
  storeOutputs: z.boolean().default(true),
  /** Whether it gets the messages that context providers have added. Default false. */
  storeContext: z.boolean().default(false),
});

/** A history provider as an agent names it. */
export const historyProviderRefSchema = z.strictObject({
  /** The name of a history provider that a module in the folder of agents exports. */
  provider: namespaceSchema,
  load: z.boolean().optional(),
  storeInputs: z.boolean().optional(),
  storeOutputs: z.boolean().optional(),
  storeContext: z.boolean().optional(),
});

export type HistoryProviderRef = z.infer<typeof historyProviderRefSchema>;

/** Where the conversation is kept. */
export const historySchema = z.union(
  [z.boolean(), z.literal('service'), historyProviderRefSchema],
  'must be true, false, service, or { provider: NAME }',
);
export type History = z.infer<typeof historySchema>;

interface Listing {
  readonly history?: History | undefined;
  readonly context?: readonly CapabilityRef[] | undefined;
}

/** The providers that are called for the runs of an agent, in order: its history provider, then its context providers. */
export function providersListed({ history, context = [] }: Listing): readonly CapabilityRef[] {
  if (typeof history !== 'object') return context;
  const { provider, ...switches } = history;
  return [{ [provider]: switches as JsonObject }, ...context];
}
