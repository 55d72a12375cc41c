import { z } from 'zod';
import { defineAgent, defineTool, type ToolContext } from 'perdure/agents';

interface Counted {
  readonly letters: number;
  readonly attempt: number;
}

const countLetters = defineTool({
  name: 'count_letters',
  description: 'Counts the letters of a word.',
  parameters: z.strictObject({ word: z.string().min(1) }),
  idempotent: true,
  execute: ({ word }, context): Counted => ({ letters: word.length, attempt: attemptOf(context as ToolContext) }),
});

function attemptOf(context: Pick<ToolContext, 'attempt'>): number {
  return context.attempt satisfies number;
}

export const counter = defineAgent({ name: 'counter', tools: [countLetters] });
