import { jsonProblem } from '../../contracts/json-schema.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { scanJson } from '../json/scan-json.ts';

/** The JSON of a reply, or why it has none, as the end of a sentence about the reply. */
export type ParsedAnswer = { readonly value: Json; readonly problem: null } | { readonly problem: string };

/**
 * Parses a reply as JSON. A Markdown fence around it is left out: many models add one. Size, depth and number of values are
 * checked before the text is parsed.
 */
export function parseAnswer(reply: string): ParsedAnswer {
  const text = withoutFence(reply);
  const { outputBytes, outputValues, jsonDepth } = LIMITS;
  const json = new TextEncoder().encode(text);
  if (json.length > outputBytes.value)
    return { problem: `has ${json.length} bytes; the limit is ${outputBytes.value}. Answer more briefly` };
  const exceeded = scanJson(json, { depth: jsonDepth.value, values: outputValues.value });
  if (exceeded === 'depth') return { problem: `is nested more than ${jsonDepth.value} levels deep` };
  if (exceeded === 'values') return { problem: `has more than ${outputValues.value} values. Answer more briefly` };
  try {
    const value = JSON.parse(text) as Json;
    const problem = jsonProblem(value);
    return problem === null ? { value, problem } : { problem };
  } catch {
    return { problem: 'is not valid JSON' };
  }
}

function withoutFence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('```') || !trimmed.endsWith('```')) return trimmed;
  const from = trimmed.indexOf('\n');
  return from === -1 ? trimmed : trimmed.slice(from + 1, -3).trim();
}
