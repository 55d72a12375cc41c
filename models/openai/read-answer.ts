import type { z } from 'zod';
import { ModelError } from '../model-client.ts';

/** What a provider sent, checked. The error names the field that is wrong and never its content. */
export function readAnswer<Schema extends z.ZodType>(
  provider: string,
  schema: Schema,
  answer: unknown,
): z.output<Schema> {
  const read = schema.safeParse(answer);
  if (read.success) return read.data;
  const field = read.error.issues[0]?.path.join('.') || 'the answer';
  throw new ModelError('server_error', `The provider ${provider} sent an answer with a wrong ${field}.`, {
    retryable: true,
  });
}
