import { z } from 'zod';
import { defineTool } from '../define-tool.ts';
import { GRAMMAR, evaluate } from './arithmetic.ts';

/** Evaluates an arithmetic expression. Returns `{value}`, with a `note` where the value may be inexact. */
export const calculator = defineTool({
  name: 'calculator',
  description: `Evaluates an arithmetic expression exactly as written. It understands ${GRAMMAR}. Angles are in radians, log is to base 10, ln is natural.`,
  parameters: z.strictObject({ expression: z.string().describe('For example: (3 + 4.5) * sqrt(2) ^ 3') }),
  idempotent: true,
  timeoutMs: 1_000,
  execute: ({ expression }) => {
    const value = evaluate(expression);
    return Math.abs(value) > Number.MAX_SAFE_INTEGER
      ? { value, note: 'Numbers this large are exact to about 15 digits only.' }
      : { value };
  },
});
