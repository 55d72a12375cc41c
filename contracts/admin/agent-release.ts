import { z } from 'zod';

const nullableNumber = z.number().nullable();

/** How the runs of one version of an agent ended. */
export const versionStatsSchema = z.object({
  version: z.string(),
  /** Whether workers have it, and when they reported that last. ISO 8601 UTC. */
  offeredAt: z.string().nullable(),
  users: z.number().int(),
  runs: z.number().int(),
  completed: z.number().int(),
  failed: z.number().int(),
  cancelled: z.number().int(),
  /** Mean of the working time of ended runs, and of their steps; null without one. */
  meanMs: nullableNumber,
  meanSteps: nullableNumber,
  /** Sum of what is known; `unpricedCalls` calls are not part of it. */
  costUsd: z.number(),
  unpricedCalls: z.number().int(),
});
export type VersionStats = z.infer<typeof versionStatsSchema>;

/** A release of an agent to a share of users. */
export const agentReleaseSchema = z.object({
  /** Version of the users who do not have the candidate. */
  base: z.string(),
  /** Null: none yet, everybody has the base. */
  candidate: z.string().nullable(),
  /** Share of users with the candidate: 0 to 1. */
  share: z.number(),
  /** ISO 8601 UTC. */
  updatedAt: z.string(),
});
export type AgentRelease = z.infer<typeof agentReleaseSchema>;

/** Response of `GET /v1/agents/{name}/release`. */
export const agentReleaseReportSchema = z.object({
  agent: z.string(),
  /** Null: everybody has the version of the workers. */
  release: agentReleaseSchema.nullable(),
  /** Days that the statistics cover. */
  days: z.number().int(),
  /** The versions of the agent, the one offered last first. */
  versions: z.array(versionStatsSchema),
});
export type AgentReleaseReport = z.infer<typeof agentReleaseReportSchema>;

/** Body of `PUT /v1/agents/{name}/release`. */
export const agentReleaseRequestSchema = z.strictObject({
  /** 0: nobody has the candidate; 1: everybody has the version of the workers, and the release is over. */
  share: z.number().min(0).max(1),
  /** Version to release, from its first digits on. Default: the one of the workers. */
  version: z.string().min(1).max(64).optional(),
});
export type AgentReleaseRequest = z.infer<typeof agentReleaseRequestSchema>;
