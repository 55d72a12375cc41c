import { z } from 'zod';
import { agentSpecSchema, policySchema, retryPolicySchema } from '../agent.ts';
import { attachmentSchema } from '../attachments/attachment.ts';
import { jsonObjectSchema } from '../json-schema.ts';
import { agentNameSchema } from './message.ts';

const row = jsonObjectSchema;
const count = z.number().int().min(0);

/** A row of the table `sessions`. An import ignores columns that this version does not have. */
const sessionRowSchema = z.looseObject({
  kind: z.enum(['session', 'run']),
  status: z.enum(['active', 'completed', 'failed', 'expired']),
  agent: agentNameSchema,
  metadata: row,
  state: row,
  policy: policySchema,
  head: count,
  messages: count,
  runs: count,
  errors: count,
  last_ordinal: count,
  created_at: z.string(),
});

export const agentVersionSchema = z.strictObject({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  spec: agentSpecSchema,
  /** Each a `ToolSpec`, with what a later version adds: a version that was imported is only read. */
  tools: z.array(
    z.looseObject({
      name: z.string(),
      description: z.string(),
      parameters: row,
      idempotent: z.boolean(),
      timeoutMs: z.number(),
      retry: retryPolicySchema,
    }),
  ),
});

/** An attachment with its content, in base64. */
export const exportedAttachmentSchema = attachmentSchema.extend({ data: z.base64() });
export type ExportedAttachment = z.infer<typeof exportedAttachmentSchema>;

/** A session as one JSON document: the response of `GET /v1/sessions/{id}/export` and the content of an archive. See docs/export.md. */
export const sessionExportSchema = z.strictObject({
  format: z.literal('perdure.session'),
  /** In version 1 the state had no namespaces. */
  version: z.literal([1, 2]),
  exportedAt: z.string(),
  /** The session id. The importing user becomes the session's user. */
  id: z.string(),
  session: sessionRowSchema,
  /** The agent versions that the session's runs have pinned. */
  agentVersions: z.array(agentVersionSchema),
  /** The session's rows by table, with the columns of the store. */
  tables: z.record(z.string(), z.array(row)),
  /** The images and files that its messages refer to, in base64. Absent unless they were asked for. */
  attachments: z.array(exportedAttachmentSchema).optional(),
});
export type SessionExport = z.infer<typeof sessionExportSchema>;
