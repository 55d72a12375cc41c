import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ToolError } from '../../../agents/define-tool.ts';
import { evaluate } from '../../../agents/tools/arithmetic.ts';
import { calculator } from '../../../agents/tools/calculator.ts';
import { toolContext } from '../../support/tool-context.ts';

test.each([
  ['1 + 2 * 3', 7],
  ['(1 + 2) * 3', 9],
  ['10 - 2 - 3', 5],
  ['2 ^ 3 ^ 2', 512],
  ['2 ** -1', 0.5],
  ['2 ^ -3 ^ 2', 2 ** -9],
  ['-2 ^ 2', -4],
  ['(-2) ^ 2', 4],
  ['((-2)) ^ 2', 4],
  ['--2 ^ 2', 4],
  ['-abs(-5) ^ 2', -25],
  ['0.1 + 0.2', 0.3],
  ['1 / 3', 0.333333333333333],
  ['1.5e3 + .5', 1500.5],
  ['-7 % 3', -1],
  ['2 × 3 ÷ 4 − 1', 0.5],
  ['2 ^ 53', 9007199254740992],
  ['sqrt(16) + abs(-1) + floor(2.9) + ceil(2.1) + round(2.5)', 4 + 1 + 2 + 3 + 3],
  ['round(-2.5)', -3],
  ['min(3, 1, 2) + max(3, 1, 2)', 4],
  ['sin(0) + cos(0) + tan(0)', 1],
  ['log(1000) + ln(e) + exp(0)', 5],
  ['PI', 3.14159265358979],
  ['-0', 0],
  [`${'1+'.repeat(499)}1`, 500],
])('%s is %d', (expression, value) => {
  expect(evaluate(expression)).toBe(value);
});

test.each([
  ['1 / 0', 'Division by zero in /'],
  ['1 / (2 - 2)', 'Division by zero in /'],
  ['5 % 0', 'Division by zero in %'],
  ['0 ^ -1', 'Division by zero in ^'],
  ['sqrt(-1)', 'sqrt has no real value'],
  ['(-8) ^ (1/3)', '^ has no real value'],
  ['log(0)', 'use a number above 0'],
  ['ln(-1)', 'ln has no real value'],
  ['10 ^ 400', 'larger than any number'],
  ['1e999', 'The number 1e999 is too large'],
  ['1,000', 'write 2*(3), and 1000 for "1,000"'],
  ['max(1,000)', 'The number 000 begins with 0'],
  ['2 (3)', 'an operator is missing'],
  ['(2)(3)', 'An operator is missing before "("'],
  ['2pi', 'not valid after "2"'],
  ['(1 + 2', 'not valid after "(1 + 2"'],
  ['2 ^', 'Expected expression after ^'],
  ['', 'The expression is empty'],
  ['()', 'nothing between "(" and ")"'],
  ['x + 1', 'There is no constant "x". Use numbers'],
  ['cbrt(8)', 'There is no function "cbrt"'],
  ['sqrt(1, 2)', 'sqrt takes one number, not 2'],
  ['min()', 'min takes 1 to 100 numbers, not 0'],
  ['2 & 3', 'There is no operator "&"'],
  ['!1', 'There is no operator "!"'],
  ['1 = 1', 'Unexpected "="'],
  ['"a"', '"a" is not a number'],
  ['true', 'true is not a number'],
  ['1 ? 2 : 3', 'no lists, conditions or properties'],
  ['constructor(1)', 'There is no function "constructor"'],
  ['__proto__', 'There is no constant "__proto__"'],
  ['sqrt.constructor', 'no lists, conditions or properties'],
  ['process.exit(1)', 'An operator is missing before "("'],
  ['1'.repeat(1_001), 'has 1001 characters; the limit is 1000'],
  [`${'-'.repeat(999)}1`, 'nested more than 500 deep'],
])('%s is an error that helps', (expression, message) => {
  expect(() => evaluate(expression)).toThrow(ToolError);
  expect(() => evaluate(expression)).toThrow(message);
});

test('what may be written up to the length limit never overflows the stack', () => {
  expect(evaluate(`${'('.repeat(499)}1${')'.repeat(499)}`)).toBe(1);
  expect(() => evaluate('('.repeat(1_000))).toThrow(ToolError);
});

function outcomeOf(expression: string): unknown {
  try {
    return evaluate(expression);
  } catch (error) {
    return error;
  }
}

test('any text gives a finite number or a ToolError', () => {
  const tokens = fc.constantFrom(
    ...'0123456789.+-*/%^(),eE '.split(''),
    '**',
    'sqrt(',
    'max(',
    'pi',
    '"',
    '[',
    'x',
    '?',
    ';',
  );
  fc.assert(
    fc.property(fc.array(tokens, { maxLength: 20 }), (parts) => {
      expect(outcomeOf(parts.join(''))).toSatisfy(
        (outcome) => Number.isFinite(outcome) || outcome instanceof ToolError,
      );
    }),
  );
});

test('sums and products of whole numbers are what they are', () => {
  const whole = fc.integer({ min: -10_000, max: 10_000 });
  fc.assert(
    fc.property(whole, whole, whole, (a, b, c) => {
      expect(evaluate(`${a} + ${b} * ${c}`)).toBe(a + b * c + 0);
      expect(evaluate(`(${a} - ${b}) * ${c}`)).toBe((a - b) * c + 0);
    }),
  );
});

test('the tool says when a number is too large to be exact, and is quick and idempotent', () => {
  expect(calculator.execute({ expression: '2 ^ 10' }, toolContext())).toEqual({ value: 1024 });
  expect(calculator.execute({ expression: '2 ^ 64' }, toolContext())).toEqual({
    value: 2 ** 64,
    note: expect.stringContaining('15 digits') as string,
  });
  expect(calculator).toMatchObject({ idempotent: true, timeoutMs: 1_000 });
});
