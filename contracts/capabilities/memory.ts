import { z } from 'zod';

/** Settings of long-term memory in the deployment file. */
export const memorySettingsSchema = z.strictObject({
  /** The endpoint that makes vectors of texts. Default: none; memories are then searched by full text alone. */
  embeddings: z
    .strictObject({
      /** `provider/model`; the provider is a named one or `openai`, `openai-responses` or `local`. */
      model: z
        .string()
        .max(200)
        .regex(/^[^/]+\/.+$/, 'Use provider/model.'),
      /** The number of dimensions to ask for, if the model supports it. Default: the model's own. */
      dimensions: z.number().int().min(1).max(4_096).optional(),
    })
    .optional(),
});

const id = z.string().min(1).max(400);

/** Where a memory comes from. */
export const memorySourceSchema = z.strictObject({
  session: id.optional(),
  run: id.optional(),
  message: id.optional(),
});

/** What to remember: the body of `POST /v1/memories`. */
export const rememberSchema = z.strictObject({
  /** A text of at most `LIMITS.memoryBytes`. White space around it is removed. */
  content: z.string().refine((content) => content.trim() !== '', 'must not be empty'),
  source: memorySourceSchema.optional(),
  /** The memory that this one corrects. It is no longer found. */
  replaces: id.optional(),
});
export type Remember = z.infer<typeof rememberSchema>;

/** A memory of a user. Times are ISO 8601 UTC. */
export const memorySchema = z.object({
  id: z.string(),
  content: z.string(),
  source: z.object({
    session: z.string().nullable(),
    run: z.string().nullable(),
    message: z.string().nullable(),
  }),
  createdAt: z.string(),
  /** The memory that this one corrects; null if it corrects none. */
  replaces: z.string().nullable(),
});
export type Memory = z.infer<typeof memorySchema>;

/** Whether a memory has its vector. `off`: no embedding endpoint is configured. `pending`: it is added later. */
export const memoryVectorSchema = z.enum(['ready', 'pending', 'off']);

/** Response of `POST /v1/memories`. */
export const rememberedSchema = z.object({
  /** False if the user has a memory with this content: it is returned instead. */
  created: z.boolean(),
  memory: memorySchema,
  vector: memoryVectorSchema,
});
export type Remembered = z.infer<typeof rememberedSchema>;

/** How a search was made. */
export const memorySearchModeSchema = z.object({
  /** `hybrid`: by full text and vectors. `text`: by full text alone. */
  mode: z.enum(['hybrid', 'text']),
  /** Why by full text alone: no endpoint is configured, it failed, or the user's budget is spent. Null for `hybrid`. */
  reason: z.enum(['no_embeddings', 'embeddings_unavailable', 'budget_exceeded']).nullable(),
  /** Whether some of the user's memories have no vector yet: those are found by full text only. */
  pending: z.boolean(),
});
export type MemorySearchMode = z.infer<typeof memorySearchModeSchema>;

/** A memory that a search has found. */
export const foundMemorySchema = z.object({
  ...memorySchema.shape,
  /** Of the ranks by text and by vector. Comparable within one search only. */
  score: z.number(),
  /** What found it. */
  by: z.array(z.enum(['text', 'vector'])),
});
export type FoundMemory = z.infer<typeof foundMemorySchema>;

/** What a search has found, best first. */
export interface MemorySearch {
  readonly data: readonly FoundMemory[];
  readonly search: MemorySearchMode;
}

/** Response of `GET /v1/memories`: with a query what was found, best first; without one the memories, newest first. */
export const memoryPageSchema = z.object({
  data: z.array(z.object({ ...memorySchema.shape, ...foundMemorySchema.partial({ score: true, by: true }).shape })),
  /** Null on the last page, and always with a query. */
  nextCursor: z.string().nullable(),
  /** How the search was made; absent without a query. */
  search: memorySearchModeSchema.optional(),
});
export type MemoryPage = z.infer<typeof memoryPageSchema>;

/** Response of `DELETE /v1/memories`. */
export const forgottenSchema = z.object({
  /** How many memories were removed, with those that corrections had superseded. */
  forgotten: z.number().int(),
});
export type Forgotten = z.infer<typeof forgottenSchema>;
