import { z } from 'zod';
import { policySchema } from './agent.ts';
import { maintenanceSettingsSchema } from './maintenance.ts';
import { sessionLimitsSchema } from './session/session-limits.ts';
import { providerSettingsSchema } from './provider.ts';
import { budgetSettingsSchema } from './budget.ts';

const usdPerMillion = z.number().min(0).max(1e6);

/** Price of a model in US dollars per million tokens, which overrides the bundled one. */
export const priceOverrideSchema = z.strictObject({
  /** `provider/model`, or `provider/*` for all models of the provider without a price of their own. */
  model: z
    .string()
    .max(200)
    .regex(/^[^/]+\/.+$/, 'Use provider/model, or provider/*.'),
  /** First day on which the price is in force, UTC. Default: always in force. */
  from: z.iso.date().optional(),
  inputUsd: usdPerMillion,
  outputUsd: usdPerMillion,
  /** Cached input tokens. Default: the input price. */
  cachedUsd: usdPerMillion.optional(),
  /** Reasoning tokens. Default: the output price. */
  reasoningUsd: usdPerMillion.optional(),
});
export type PriceOverride = z.infer<typeof priceOverrideSchema>;

/** The deployment file (`PERDURE_CONFIG`): settings for all agents and sessions of a deployment. */
export const deploymentSchema = z.strictObject({
  /** Default policy. Agents and sessions override it. */
  policy: policySchema.optional(),
  /** Limits per model provider, by the first part of `provider/model`. */
  providers: z.record(z.string().min(1).max(64), providerSettingsSchema).optional(),
  /** Prices that take precedence over the bundled ones. */
  prices: z.array(priceOverrideSchema).max(500).optional(),
  /** Budgets of each user. Limits that an operator sets for a user take precedence. */
  budgets: budgetSettingsSchema.optional(),
  /** Scheduled clean-up of sessions. */
  maintenance: maintenanceSettingsSchema.optional(),
  /** Limits of active sessions. */
  limits: sessionLimitsSchema.optional(),
});
export type Deployment = z.infer<typeof deploymentSchema>;
