import { z } from 'zod';
import { policySchema } from './agent.ts';
import { groupsSchema } from './approvals/approval-settings.ts';
import { childLimitsSchema } from './capabilities/agent-tool.ts';
import { attachmentSettingsSchema } from './attachments/attachment-settings.ts';
import { storageLimitsSchema } from './attachments/storage-limits.ts';
import { authSettingsSchema } from './identity/auth-settings.ts';
import { gatewayLimitsSchema } from './limits/gateway-limits.ts';
import { memoryLimitsSchema } from './limits/memories-per-user.ts';
import { maintenanceSettingsSchema } from './maintenance.ts';
import { mcpServersSchema } from './mcp/mcp-server.ts';
import { memorySettingsSchema } from './capabilities/memory.ts';
import { documentLimitsSchema } from './session/document-limits.ts';
import { redisSettingsSchema } from './redis-settings.ts';
import { servingSettingsSchema } from './serving.ts';
import { sessionLimitsSchema } from './session/session-limits.ts';
import { providerNameSchema, providerSettingsSchema } from './provider.ts';
import { budgetSettingsSchema } from './budget.ts';

const usdPerMillion = z.number().min(0).max(1e6);

/** `provider/model`, or `provider/*` for all models of the provider without an entry of their own. */
const modelPatternSchema = z
  .string()
  .max(200)
  .regex(/^[^/]+\/.+$/, 'Use provider/model, or provider/*.');

/** Price of a model in US dollars per million tokens, which overrides the bundled one. */
export const priceOverrideSchema = z.strictObject({
  /** `provider/model`, or `provider/*` for all models of the provider without a price of their own. */
  model: modelPatternSchema,
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

/** Facts about a model. */
export const modelFactsSchema = z.strictObject({
  /** The context window: maximum number of input and output tokens of a call. */
  contextTokens: z.number().int().min(500).max(100_000_000).optional(),
});
export type ModelFacts = z.infer<typeof modelFactsSchema>;

/** The deployment file (`PERDURE_CONFIG`): settings for all agents and sessions of a deployment. */
export const deploymentSchema = z.strictObject({
  /** Default policy. Agents and sessions override it. */
  policy: policySchema.optional(),
  /** Model providers by the first part of `provider/model`: the addresses of further ones, and the limits of each. */
  providers: z.record(providerNameSchema, providerSettingsSchema).optional(),
  /** Facts about models, by `provider/model` or `provider/*`, which take precedence over the bundled ones. */
  models: z.record(modelPatternSchema, modelFactsSchema).optional(),
  /** Prices that take precedence over the bundled ones. */
  prices: z.array(priceOverrideSchema).max(500).optional(),
  /** Budgets of each user. Limits that an operator sets for a user take precedence. */
  budgets: budgetSettingsSchema.optional(),
  /** Scheduled clean-up of sessions. */
  maintenance: maintenanceSettingsSchema.optional(),
  /** Groups of users, by name: who may answer approvals. */
  groups: groupsSchema.optional(),
  /** Who may call the gateways: API keys and JSON Web Tokens. */
  auth: authSettingsSchema.optional(),
  /** How workers serve sessions. */
  serving: servingSettingsSchema.optional(),
  /** MCP servers that every agent may use. One of the same name in an agent takes precedence. */
  mcpServers: mcpServersSchema.optional(),
  /** Long-term memory. */
  memory: memorySettingsSchema.optional(),
  /** Where the contents of attachments are kept. */
  attachments: attachmentSettingsSchema.optional(),
  /** What Redis keeps, where `REDIS_URL` is set. */
  redis: redisSettingsSchema.optional(),
  /** Limits of active sessions, of exports and imports, of attachments, of memories, of agents as tools, and the share of each user at a gateway. */
  limits: z
    .strictObject({
      ...sessionLimitsSchema.shape,
      ...documentLimitsSchema.shape,
      ...storageLimitsSchema.shape,
      ...gatewayLimitsSchema.shape,
      ...memoryLimitsSchema.shape,
      ...childLimitsSchema.shape,
    })
    .optional(),
});
export type Deployment = z.infer<typeof deploymentSchema>;
