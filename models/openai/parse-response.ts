import type { z } from 'zod';
import { ModelError } from '../model-client.ts';

/** Validates data from a provider. Throws a ModelError that names the invalid field and never its content. */
export function parseResponse<Schema extends z.ZodType>(
  provider: string,
  schema: Schema,
  response: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(response);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.');
  const where = field ? `an invalid value in the field ${field}` : 'an invalid value';
  throw new ModelError('server_error', `The provider ${provider} sent a response with ${where}.`, { retryable: true });
}
