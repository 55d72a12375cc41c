import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterFailedTry, describeFailedModels, planModels, type StepTry } from '../../../core/providers/plan-models.ts';

const models = ['a/1', 'b/2', 'c/3'];
const PLAIN = { models, step: 2, attemptsBefore: 0, starts: false, tries: [] };

function tried(attempt: number, model: string, more: Partial<StepTry> = {}): StepTry {
  return { step: 2, attempt, model, answered: false, gaveUp: false, errorCode: 'server_error', ...more };
}
const before = (model: string) => tried(1, model, { step: 1, answered: true, errorCode: null });

test('a run asks its models in the order of the list', () => {
  expect(planModels({ ...PLAIN, step: 1 })).toMatchObject({ candidates: models, failed: [] });
});

test('a model keeps its step until it is given up, and its calls are counted', () => {
  const plan = planModels({ ...PLAIN, tries: [tried(1, 'a/1'), tried(2, 'a/1')] });
  expect(plan.candidates).toEqual(models);
  expect(models.map(plan.attemptsOf)).toEqual([2, 0, 0]);
});

test('a model that is given up is followed by the next, and named', () => {
  const tries = [tried(1, 'a/1'), tried(2, 'a/1', { gaveUp: true, errorCode: 'timeout' })];
  const { candidates, failed } = planModels({ ...PLAIN, tries });
  expect(candidates).toEqual(['b/2', 'c/3']);
  expect(failed).toEqual([{ model: 'a/1', errorCode: 'timeout', attempts: 2 }]);
  expect(describeFailedModels(failed)).toBe(' Asked before, without an answer: a/1 (timeout, 2 attempts).');
});

test('a call whose worker was lost is made again to the same model, also where it is not the first of the list', () => {
  const tries = [tried(1, 'a/1', { gaveUp: true }), tried(2, 'b/2', { errorCode: null })];
  expect(planModels({ ...PLAIN, tries }).candidates).toEqual(['b/2', 'c/3']);
  expect(planModels({ ...PLAIN, tries: [tried(1, 'b/2', { errorCode: null })] }).candidates[0]).toBe('b/2');
});

test('a step begins with the model that answered the one before, and ends with those before it in the list', () => {
  expect(planModels({ ...PLAIN, tries: [before('b/2')] }).candidates).toEqual(['b/2', 'c/3', 'a/1']);
});

test('a resumed run begins with the first model again, and forgets what failed', () => {
  const tries = [before('b/2'), tried(1, 'b/2', { gaveUp: true }), tried(2, 'c/3', { gaveUp: true })];
  const plan = planModels({ ...PLAIN, attemptsBefore: 2, starts: true, tries });
  expect([plan.candidates, plan.failed]).toEqual([models, []]);
});

test('when all have failed and the run has not ended, the last one is asked again', () => {
  const tries = models.map((model, index) => tried(index + 1, model, { gaveUp: true }));
  expect(planModels({ ...PLAIN, tries }).candidates).toEqual(['c/3']);
});

test('each model is asked once before the step has asked all, whatever was asked before', () => {
  fc.assert(
    fc.property(fc.constantFrom(undefined, ...models), (previous) => {
      const tries = previous === undefined ? [] : [before(previous)];
      const asked: string[] = [];
      for (let attempt = 1; attempt <= models.length; attempt += 1) {
        const [next = ''] = planModels({ ...PLAIN, tries }).candidates;
        asked.push(next);
        tries.push(tried(attempt, next, { gaveUp: true }));
      }
      expect(asked.toSorted()).toEqual(models);
    }),
  );
});

test.each([
  ['retry', 'an error that may pass, with attempts left', { retryable: true, attempts: 2, others: 1 }],
  ['next', 'the last attempt', { retryable: true, attempts: 3, others: 1 }],
  ['next', 'an error that will not pass', { retryable: false, attempts: 1, others: 1 }],
  ['next', 'a pause that is longer than the back-off', { retryable: true, attempts: 1, others: 1, mustPause: true }],
  ['retry', 'such a pause without another model', { retryable: true, attempts: 1, others: 0, mustPause: true }],
  ['end', 'the last attempt without another model', { retryable: true, attempts: 3, others: 0 }],
  ['end', 'an error that will not pass without another model', { retryable: false, attempts: 1, others: 0 }],
] as const)('%s follows %s', (follows, _what, failed) => {
  expect(afterFailedTry({ maxAttempts: 3, mustPause: false, ...failed })).toBe(follows);
});
