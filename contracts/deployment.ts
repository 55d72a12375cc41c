import { z } from 'zod';
import { policySchema } from './agent.ts';
import { maintenanceSettingsSchema } from './maintenance.ts';
import { sessionLimitsSchema } from './session/session-limits.ts';
import { providerSettingsSchema } from './provider.ts';
import { budgetSettingsSchema } from './budget.ts';

const usdPerMillion = z.number().min(0).max(1e6);

/** A model's price in US dollars for a million tokens. */
export const priceOverrideSchema = z.strictObject({
  /** `provider/model`, or `provider/*` for all that have no price of their own. */
  model: z
    .string()
    .max(200)
    .regex(/^[^/]+\/.+$/, 'Give provider/model, or provider/*.'),
  /** The day from which it is in force, UTC. Default: always. */
  from: z.iso.date().optional(),
  inputUsd: usdPerMillion,
  outputUsd: usdPerMillion,
  /** Of cached input. Default: as other input. */
  cachedUsd: usdPerMillion.optional(),
  /** Of thoughts. Default: as other output. */
  reasoningUsd: usdPerMillion.optional(),
});
export type PriceOverride = z.infer<typeof priceOverrideSchema>;

/** What the deployment file (`PERDURE_CONFIG`) sets for all agents and sessions of a deployment. */
export const deploymentSchema = z.strictObject({
  /** In force where neither the agent nor the session says otherwise. */
  policy: policySchema.optional(),
  /** Limits of each provider of models, by the first part of `provider/model`. */
  providers: z.record(z.string().min(1).max(64), providerSettingsSchema).optional(),
  /** Prices that go before the bundled ones. */
  prices: z.array(priceOverrideSchema).max(500).optional(),
  /** Limits of each user, where an operator has set none of their own. */
  budgets: budgetSettingsSchema.optional(),
  /** Clean-up of sessions. */
  maintenance: maintenanceSettingsSchema.optional(),
  /** How many sessions may be active. */
  limits: sessionLimitsSchema.optional(),
});
export type Deployment = z.infer<typeof deploymentSchema>;
