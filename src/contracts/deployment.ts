import { z } from 'zod';
import { policySchema } from './agent.ts';

/** What the deployment file (`PERDURE_CONFIG`) sets for all agents and sessions of a deployment. */
export const deploymentSchema = z.strictObject({
  /** In force where neither the agent nor the session says otherwise. */
  policy: policySchema.optional(),
});
export type Deployment = z.infer<typeof deploymentSchema>;
