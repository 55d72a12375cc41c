import { createHash } from 'node:crypto';
import { canonicalJson } from '../canonical-json.ts';
import type { Json } from '../json.ts';

/** The hash that binds an answer to a tool call: the SHA-256, in hexadecimal, of its identity and arguments as JSON with sorted keys. */
export function callHash(call: {
  readonly run: string;
  readonly call: string;
  readonly tool: string;
  readonly arguments: Json;
}): string {
  const { run, call: id, tool, arguments: args } = call;
  return createHash('sha256')
    .update(canonicalJson({ run, call: id, tool, arguments: args }))
    .digest('hex');
}
