import { z } from 'zod';
import { LIMITS } from '../limits.ts';

/** What a pause covers. */
export const pauseKindSchema = z.enum(['all', 'agent', 'tool', 'provider', 'user']);

/** How a pause acts. Body of `PUT /v1/pauses/{pause}`. */
export const pauseSettingsSchema = z.strictObject({
  /**
   * `false`: new runs, model calls or tool calls wait until the pause is removed. `true`: messages are refused with `paused`,
   * runs that would call the provider fail, and calls of the tool fail with an error that the model sees. Default `false`.
   */
  refuse: z.boolean().default(false),
  /** Whether runs that have begun wait before their next model call, too. Default `false`: they finish. Not for tools and providers, whose next call always waits. */
  stop: z.boolean().default(false),
  /** Shown to whoever waits or is refused. Default: none. */
  reason: z.string().trim().max(LIMITS.pauseReasonCharacters.value).optional(),
});
export type PauseSettings = z.input<typeof pauseSettingsSchema>;

/** A pause that an operator has set. */
export const pauseSchema = z.object({
  /** `all`, or the kind and the name, such as `agent:support`. */
  id: z.string(),
  kind: pauseKindSchema,
  /** Of the agent, tool, provider or user; null for `all`. */
  name: z.string().nullable(),
  refuse: z.boolean(),
  stop: z.boolean(),
  reason: z.string().nullable(),
  /** The operator who has set it. */
  by: z.string(),
  /** ISO 8601 UTC. */
  since: z.string(),
});
export type Pause = z.infer<typeof pauseSchema>;

/** Response of `GET /v1/pauses`. */
export const pausesSchema = z.object({ data: z.array(pauseSchema), nextCursor: z.null() });
export type Pauses = z.infer<typeof pausesSchema>;
