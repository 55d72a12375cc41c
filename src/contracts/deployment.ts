import { z } from 'zod';
import { policySchema } from './agent.ts';
import { providerSettingsSchema } from './provider.ts';

/** What the deployment file (`PERDURE_CONFIG`) sets for all agents and sessions of a deployment. */
export const deploymentSchema = z.strictObject({
  /** In force where neither the agent nor the session says otherwise. */
  policy: policySchema.optional(),
  /** Limits of each provider of models, by the first part of `provider/model`. */
  providers: z.record(z.string().min(1).max(64), providerSettingsSchema).optional(),
});
export type Deployment = z.infer<typeof deploymentSchema>;
