import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { JsonObject } from '../../../contracts/json.ts';
import { ModelError, type ModelRequest } from '../../model-client.ts';
import type { Connection } from '../provider-endpoint.ts';
import { strictSchema, type ProviderSchema } from './strict-schema.ts';

/** The format of the reply, with the name that both protocols require. */
export interface OutputFormat extends ProviderSchema {
  readonly type: 'json_schema';
  readonly name: 'answer';
}

/** A request, and the format that the provider is to enforce; null for none. */
export interface FormattedRequest {
  readonly request: ModelRequest;
  readonly format: OutputFormat | null;
}

/**
 * How a provider is asked for structured answers. OpenAI shows the schema to the model itself. Compatible servers only
 * restrict what the model can write, or ignore the format, so the instructions contain the schema. A schema that the server
 * refuses, for one model, is afterwards in the instructions alone.
 */
export class OutputFormats {
  readonly #official: boolean;
  readonly #refused = new LRUCache<string, true>({ max: 1_000 });

  constructor({ official }: Pick<Connection, 'official'>) {
    this.#official = official;
  }

  format(request: ModelRequest): FormattedRequest {
    const { outputSchema } = request;
    if (!outputSchema) return { request, format: null };
    const isRefused = this.#refused.has(keyOf(request.model, outputSchema));
    const format = { type: 'json_schema', name: 'answer', ...strictSchema(outputSchema) } as const;
    const instructions = [request.instructions, schemaInstructions(outputSchema)].filter((text) => text !== '');
    return {
      request: this.#official && !isRefused ? request : { ...request, instructions: instructions.join('\n\n') },
      format: isRefused ? null : format,
    };
  }

  /** Whether an error refuses the format of a request. It is remembered, so that `format` leaves it out. */
  refuses(error: unknown, { request, format }: FormattedRequest): boolean {
    if (format === null || !request.outputSchema || !refusesFormat(error)) return false;
    this.#refused.set(keyOf(request.model, request.outputSchema), true);
    return true;
  }
}

function refusesFormat(error: unknown): boolean {
  if (!(error instanceof ModelError) || (error.httpStatus !== 400 && error.httpStatus !== 422)) return false;
  const { param, message, code } = error.report ?? {};
  return /response_format|text\.format|json_schema|schema|grammar|structured output/i.test(
    `${param} ${code} ${message}`,
  );
}

function keyOf(model: string, schema: JsonObject): string {
  return createHash('sha256')
    .update(`${model}\n${JSON.stringify(schema)}`)
    .digest('base64');
}

function schemaInstructions(schema: JsonObject): string {
  return `Your final reply must be one JSON object that matches this JSON Schema, and nothing else:\n${JSON.stringify(schema)}`;
}
