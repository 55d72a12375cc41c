import { z } from 'zod';
import { defineAgent, defineTool } from 'perdure/agents';

const makeExercises = defineTool({
  name: 'make_exercises',
  description: 'Makes arithmetic exercises with their answers.',
  parameters: z.strictObject({
    operation: z.enum(['+', '-', '*']),
    count: z.number().int().min(1).max(20).default(5),
    upTo: z.number().int().min(2).max(1_000).default(20).describe('The largest number in an exercise'),
  }),
  // Seeded with the key: every try of a call returns the same exercises.
  idempotent: true,
  timeoutMs: 5_000,
  execute: ({ operation, count, upTo }, { idempotencyKey, progress }) => {
    const next = numbersFrom(idempotencyKey);
    return Array.from({ length: count }, (_, made) => {
      progress({ made: made + 1, of: count });
      const [a, b] = [1 + (next() % upTo), 1 + (next() % upTo)];
      return {
        exercise: `${a} ${operation} ${b}`,
        answer: operation === '+' ? a + b : operation === '-' ? a - b : a * b,
      };
    });
  },
});

const noteAnswer = defineTool({
  name: 'note_answer',
  description: "Notes whether the learner's answer was right. Gives the score so far.",
  parameters: z.strictObject({ right: z.boolean() }),
  namespace: 'score',
  stateSchema: z.strictObject({ asked: z.number().int().default(0), right: z.number().int().default(0) }),
  timeoutMs: 5_000,
  async execute({ right }, { state }) {
    await state.merge((score) => ({ asked: score.asked + 1, right: score.right + (right ? 1 : 0) }));
    return await state.read();
  },
});

/** A linear congruential generator (Numerical Recipes), seeded with a string. */
function numbersFrom(seed: string): () => number {
  let state = Buffer.from(seed).reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 7);
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // The low bits have short periods.
    return state >>> 16;
  };
}

export const tutor = defineAgent({
  name: 'tutor',
  description: 'Practises arithmetic, one exercise at a time.',
  instructions: [
    'You are a patient arithmetic tutor. Make exercises with make_exercises, ask one at a time, and wait.',
    'Never tell an answer before the learner has tried. Check answers with calculator, note each with note_answer,',
    'and praise what is right.',
  ].join('\n'),
  tools: [makeExercises, noteAnswer, 'calculator'],
});
