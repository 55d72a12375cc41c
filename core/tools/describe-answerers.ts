import type { Answerer } from '../../contracts/approvals/approval-settings.ts';

interface AnswerRules {
  readonly mayAnswer: readonly Answerer[];
  readonly fourEyes: boolean;
}

/** Who may answer an item, in words, such as `the user or an operator`. */
export function describeAnswerers({ mayAnswer, fourEyes }: AnswerRules): string {
  const allowed = mayAnswer.filter((one) => one !== 'user' || !fourEyes).map(describe);
  const names = allowed.length === 0 ? ['nobody'] : allowed;
  return `${names.join(' or ')}${fourEyes ? ' other than the user' : ''}`;
}

/** Who makes a client call, in words. */
export function describeClient(tool: string, rules: AnswerRules): string {
  return tool === 'ask_user' ? `an answer by ${describeAnswerers(rules)}` : `a client to execute the tool ${tool}`;
}

function describe(answerer: Answerer): string {
  if (answerer === 'user') return 'the user';
  if (answerer === 'operators') return 'an operator';
  if (answerer === 'others') return 'another user';
  return `the group ${answerer.group}`;
}
