import { z } from 'zod';

/** A run that a call of another run has made: of an agent that is a tool. It is a run without a session: `GET /v1/runs/{run}`. */
export const childRunSchema = z.object({
  runId: z.string(),
  /** The run whose call has made it, and that call. */
  parentRunId: z.string(),
  callId: z.string(),
  tool: z.string(),
  agent: z.string(),
  /** 1: a child of the run that was asked for; 2: a child of such a child. */
  level: z.number().int(),
  /** `starting`: it is not admitted yet. Otherwise as that of a run; null if the run was deleted. */
  status: z.enum(['starting', 'queued', 'running', 'waiting', 'completed', 'failed', 'cancelled']).nullable(),
  /** When its call was made. Absent from older gateways, as is `returnedAt`. */
  calledAt: z.string().optional(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  /** When its result became that of its call; null before. */
  returnedAt: z.string().nullable().optional(),
  /** From its admission to its end, or until now; null before it is admitted. */
  totalMs: z.number().nullable(),
  /** With the runs below it; null when a part is unknown. Those that have not ended are not counted yet. */
  costUsd: z.number().nullable(),
  inputTokens: z.number().int().nullable(),
  outputTokens: z.number().int().nullable(),
});
export type ChildRun = z.infer<typeof childRunSchema>;

/** The runs above and below a run. Both are absent for a run that has none. */
export const runFamilyFields = {
  /** The run whose call has made this one. */
  parent: z.object({ sessionId: z.string(), runId: z.string(), callId: z.string() }).optional(),
  /** The runs that its calls, and those of its children, have made: each one before those below it. At most 200. */
  children: z.array(childRunSchema).optional(),
};
export type RunFamily = z.infer<z.ZodObject<typeof runFamilyFields>>;
