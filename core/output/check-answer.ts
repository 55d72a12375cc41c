import type { Json, JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { RejectedAnswer } from '../../contracts/output/output.ts';
import type { Finish } from '../../contracts/session/run.ts';
import { parseAnswer } from './parse-answer.ts';

/** Where and how a value violates a schema, as `/city: …`; nothing for a valid value. `unchecked`: that could not be determined. */
export type Violations = readonly string[] | 'unchecked';

/** A reply that should be a structured answer. */
export interface FinalReply {
  readonly text: string;
  readonly finish: Finish;
}

/** The structured answer, or why there is none. */
export type CheckedAnswer = { readonly object: JsonObject } | { readonly rejected: RejectedAnswer };

/** Checks the final reply of a run. `repairs`: how many the run has had. `violationsOf` compares a value with the run's schema. */
export function checkAnswer(
  reply: FinalReply,
  repairs: number,
  violationsOf: (value: Json) => Violations,
): CheckedAnswer {
  const checked = check(reply, violationsOf);
  if ('object' in checked) return checked;
  const mayRepair = checked.repairable && repairs < LIMITS.outputRepairs.value;
  return { rejected: { feedback: feedbackOf(checked.problems), repair: mayRepair ? repairs + 1 : null } };
}

type Check =
  | { readonly object: JsonObject }
  /** `repairable`: whether another answer may be valid. */
  | { readonly problems: readonly string[]; readonly repairable: boolean };

function check({ text, finish }: FinalReply, violationsOf: (value: Json) => Violations): Check {
  if (finish === 'refusal') return { problems: ['It is a refusal.'], repairable: false };
  const parsed = parseAnswer(text);
  if (parsed.problem !== null) {
    const cut = finish === 'length' ? ' It was cut off at the limit of output tokens: answer more briefly.' : '';
    return { problems: [`It ${parsed.problem}.${cut}`], repairable: true };
  }
  const violations = violationsOf(parsed.value);
  if (violations === 'unchecked') {
    const problem = `It could not be checked against the schema within ${LIMITS.outputCheckMs.value} ms.`;
    return { problems: [problem], repairable: false };
  }
  // The root of every schema is an object.
  return violations.length === 0 ? { object: parsed.value as JsonObject } : { problems: violations, repairable: true };
}

const MOST_PROBLEMS = 20;

/** What the model is shown: the problems, and what to do. */
function feedbackOf(problems: readonly string[]): string {
  const limit = LIMITS.outputFeedbackCharacters.value;
  const shown = problems.slice(0, MOST_PROBLEMS).map((problem) => `- ${problem}`);
  if (problems.length > MOST_PROBLEMS) shown.push(`- and ${problems.length - MOST_PROBLEMS} more problems`);
  const list = shown.join('\n');
  const cut = list.length > limit ? `${list.slice(0, limit).toWellFormed()}…` : list;
  return `Your answer does not match the required JSON Schema:\n${cut}\nReply with the whole corrected answer: one JSON object that matches the schema, and nothing else.`;
}
