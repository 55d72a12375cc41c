import type { z } from 'zod';
import type { JsonObject } from '../contracts/json.ts';
import { describeIssues } from '../core/text/describe-issues.ts';
import type { FieldProblem } from '../core/text/field-problem.ts';

/** What is wrong with the options of a capability that an agent lists; nothing if they are accepted. `what`: `the middleware "guard"`. */
export function optionProblems(
  optionsSchema: z.ZodType | null,
  options: JsonObject | null,
  what: string,
): readonly FieldProblem[] {
  if (optionsSchema === null) {
    return options === null ? [] : [{ path: [], field: '', message: `${what} takes no options` }];
  }
  const given = options ?? {};
  const parsed = optionsSchema.safeParse(given);
  if (parsed.success) return [];
  return describeIssues(parsed.error.issues, { schema: optionsSchema, input: given, mayQuote: true });
}
