import { createHash } from 'node:crypto';
import { canonicalJson } from '../../contracts/canonical-json.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { isNestedDeeper } from '../tools/is-nested-deeper.ts';

/** A tool as an MCP server defines it, checked. */
export interface McpToolDefinition {
  readonly name: string;
  /** Not empty. */
  readonly description: string;
  /** JSON Schema of the arguments, which are an object. */
  readonly parameters: JsonObject;
  /** SHA-256 of what the server has sent for the model and about the tool's effects, in hexadecimal. */
  readonly hash: string;
  readonly readOnly: boolean | null;
  readonly destructive: boolean | null;
  readonly idempotent: boolean | null;
}

/** A tool that a run cannot have. */
export interface LeftOutTool {
  /** Cut; quoted if it is none. */
  readonly name: string;
  /** Follows "it". */
  readonly reason: string;
}

/** The most characters of a tool's name, as in the specification of the protocol. */
const MAX_NAME = 128;

/** Reads one element of an MCP server's list of tools. Nothing about it is certain. */
export function readDefinition(given: Json): McpToolDefinition | LeftOutTool {
  const fields = objectOf(given);
  const { name, title, description, inputSchema } = fields;
  if (typeof name !== 'string' || name.trim() === '' || name.length > MAX_NAME) {
    const quoted = typeof name === 'string' ? name.slice(0, 60).toWellFormed() : '';
    return { name: quoted, reason: `has no name of 1 to ${MAX_NAME} characters` };
  }
  const schema = schemaOf(inputSchema);
  if (typeof schema === 'string') return { name, reason: schema };
  const annotations = objectOf(fields['annotations']);
  const text = [description, title, annotations['title']].find(
    (one): one is string => typeof one === 'string' && one.trim() !== '',
  );
  const { readOnlyHint, destructiveHint, idempotentHint } = annotations;
  const flags = [flag(readOnlyHint), flag(destructiveHint), flag(idempotentHint)];
  const [readOnly = null, destructive = null, idempotent = null] = flags;
  return {
    name,
    description: (text ?? name).slice(0, LIMITS.mcpDescriptionCharacters.value).toWellFormed(),
    parameters: schema,
    hash: createHash('sha256')
      .update(canonicalJson([name, text ?? null, schema, flags]))
      .digest('hex'),
    readOnly,
    destructive,
    idempotent,
  };
}

/** The schema without its dialect, or why it is not accepted. */
function schemaOf(given: Json | undefined): JsonObject | string {
  const { $schema: _, ...schema } = objectOf(given);
  if (schema['type'] !== 'object') return 'has a schema of arguments that are not an object';
  const limit = LIMITS.mcpSchemaBytes.value;
  if (isNestedDeeper(schema, LIMITS.toolArgumentsDepth.value)) return 'has a schema that is nested too deeply';
  if (Buffer.byteLength(JSON.stringify(schema)) > limit) return `has a schema of more than ${limit} bytes`;
  return schema;
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function flag(value: Json | undefined): boolean | null {
  return typeof value === 'boolean' ? value : null;
}
