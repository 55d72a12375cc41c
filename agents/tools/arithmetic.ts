import jsep from 'jsep';
import { ToolError } from '../define-tool.ts';

const MAX_CHARACTERS = 1_000;
const MAX_DEPTH = 500;

/** jsep's parser class, missing from its types. A subclass keeps the grammar local: `jsep.add…` would change it globally. */
interface Parser {
  parse(): jsep.Expression;
  gobbleGroup(): jsep.Expression;
}
const { Jsep } = jsep as unknown as { Jsep: new (text: string) => Parser };

/** Marks groups in parentheses, to distinguish `(-2)^2` from `-2^2`. */
class ArithmeticParser extends Jsep {
  override gobbleGroup(): jsep.Expression {
    const group = super.gobbleGroup() as jsep.Expression | false;
    if (group === false) throw new ToolError('There is nothing between "(" and ")". Write an expression there.');
    return Object.assign(group, { grouped: true });
  }
}

type Operation = (left: number, right: number) => number;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / notZero(right, '/'),
  '%': (left, right) => left % notZero(right, '%'),
  '**': (left, right) => (left === 0 && right < 0 ? 1 / notZero(left, '^ with a negative exponent') : left ** right),
};

interface MathFunction {
  readonly apply: (...values: number[]) => number;
  /** The minimum and maximum number of arguments. */
  readonly takes: readonly [number, number];
}

const one = (apply: (value: number) => number): MathFunction => ({ apply, takes: [1, 1] });
const many = (apply: (...values: number[]) => number): MathFunction => ({ apply, takes: [1, 100] });

const FUNCTIONS: Readonly<Record<string, MathFunction>> = {
  sqrt: one(Math.sqrt),
  abs: one(Math.abs),
  round: one((value) => Math.sign(value) * Math.round(Math.abs(value))),
  floor: one(Math.floor),
  ceil: one(Math.ceil),
  min: many(Math.min),
  max: many(Math.max),
  sin: one(Math.sin),
  cos: one(Math.cos),
  tan: one(Math.tan),
  log: one(Math.log10),
  ln: one(Math.log),
  exp: one(Math.exp),
};

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E };

/** The grammar of {@link evaluate}, for error messages and the tool's description. */
export const GRAMMAR = `numbers, + - * / % ^ (or **), parentheses, ${Object.keys(FUNCTIONS).join(', ')}, pi and e`;

/**
 * The value of an arithmetic expression, to the 15 digits that a double holds. `-2^2` is -4, `2^3^2` is 512,
 * angles are in radians, `log` is to base 10, halves are rounded away from zero.
 * Throws a {@link ToolError} with the problem and the remedy.
 */
export function evaluate(expression: string): number {
  if (expression.length > MAX_CHARACTERS) {
    throw new ToolError(
      `The expression has ${expression.length} characters; the limit is ${MAX_CHARACTERS}. Calculate it in parts.`,
    );
  }
  const value = valueOf(parse(expression), 0);
  if (!Number.isFinite(value))
    throw new ToolError('The result is larger than any number a calculator holds (1.8e308).');
  // 15 digits hide the binary fractions of doubles: 0.1 + 0.2 is 0.3. Integers have none.
  const rounded = Number.isInteger(value) ? value : Number(value.toPrecision(15));
  return rounded === 0 ? 0 : rounded;
}

function parse(expression: string): jsep.Expression {
  const text = expression.replaceAll('^', '**').replaceAll(/[×·]/g, '*').replaceAll('÷', '/').replaceAll(/[−–]/g, '-');
  try {
    return new ArithmeticParser(text).parse();
  } catch (error) {
    if (error instanceof ToolError) throw error;
    // The parser's own messages mention variables and tokens, which a calculator does not have.
    const { index, description = 'it cannot be read' } = error as { index?: number; description?: string };
    const before = text.slice(0, index).replaceAll('**', '^').slice(-20);
    const place = before === '' ? 'at its beginning' : `after ${JSON.stringify(before)}`;
    throw new ToolError(`The expression is not valid ${place}: ${description.replaceAll('**', '^')}. Use ${GRAMMAR}.`);
  }
}

function valueOf(node: jsep.Expression, depth: number): number {
  if (depth > MAX_DEPTH)
    throw new ToolError(`The expression is nested more than ${MAX_DEPTH} deep. Calculate it in parts.`);
  const expression = node as jsep.CoreExpression & { readonly grouped?: true };
  switch (expression.type) {
    case 'Literal':
      return literalValue(expression);
    case 'Identifier':
      return constantValue(expression.name);
    case 'UnaryExpression':
      return unaryValue(expression.operator, valueOf(expression.argument, depth + 1));
    case 'BinaryExpression':
      return binaryValue(expression, depth);
    case 'CallExpression':
      return callValue(expression, depth);
    case 'Compound':
      throw new ToolError(
        expression.body.length === 0
          ? `The expression is empty. Use ${GRAMMAR}.`
          : 'There is more than one expression, or an operator is missing: write 2*(3), and 1000 for "1,000".',
      );
    default:
      throw new ToolError(`A calculator has no lists, conditions or properties. Use ${GRAMMAR}.`);
  }
}

function literalValue({ value, raw }: jsep.Literal): number {
  if (typeof value !== 'number') throw new ToolError(`${raw} is not a number. Use ${GRAMMAR}.`);
  // max(1,000) would be parsed as two arguments.
  if (/^0\d/.test(raw))
    throw new ToolError(`The number ${raw} begins with 0. Write 1000 for "1,000", and 7 for "007".`);
  if (!Number.isFinite(value)) throw new ToolError(`The number ${raw.slice(0, 40)} is too large.`);
  return value;
}

function constantValue(name: string): number {
  const value = ownValue(CONSTANTS, name);
  if (value === undefined) throw new ToolError(`There is no constant ${JSON.stringify(name)}. Use ${GRAMMAR}.`);
  return value;
}

function unaryValue(operator: string, value: number): number {
  if (operator === '-') return -value;
  if (operator === '+') return value;
  throw new ToolError(`There is no operator ${JSON.stringify(operator)}. Use ${GRAMMAR}.`);
}

function binaryValue({ operator, left, right }: jsep.BinaryExpression, depth: number): number {
  // The parser binds a sign tighter than a power. In mathematics -2^2 is -(2^2).
  if (operator === '**' && left.type === 'UnaryExpression' && left['grouped'] !== true) {
    const { operator: sign, argument } = left as jsep.UnaryExpression;
    const power = { type: 'BinaryExpression', operator, left: argument, right } satisfies jsep.BinaryExpression;
    return unaryValue(sign, valueOf(power, depth + 1));
  }
  const operation = ownValue(OPERATIONS, operator);
  if (operation === undefined) throw new ToolError(`There is no operator ${JSON.stringify(operator)}. Use ${GRAMMAR}.`);
  return real(operation(valueOf(left, depth + 1), valueOf(right, depth + 1)), operator.replace('**', '^'));
}

function callValue({ callee, arguments: args }: jsep.CallExpression, depth: number): number {
  if (callee.type !== 'Identifier') throw new ToolError('An operator is missing before "(": write 2*(3).');
  const name = (callee as jsep.Identifier).name;
  const called = ownValue(FUNCTIONS, name);
  if (called === undefined) throw new ToolError(`There is no function ${JSON.stringify(name)}. Use ${GRAMMAR}.`);
  const [least, most] = called.takes;
  if (args.length < least || args.length > most) {
    throw new ToolError(
      `${name} takes ${most === 1 ? 'one number' : `${least} to ${most} numbers`}, not ${args.length}.`,
    );
  }
  const value = called.apply(...args.map((argument) => valueOf(argument, depth + 1)));
  if ((name === 'log' || name === 'ln') && value === Number.NEGATIVE_INFINITY) {
    throw new ToolError(`${name}(0) has no value; use a number above 0.`);
  }
  return real(value, name);
}

function real(value: number, what: string): number {
  if (Number.isNaN(value)) throw new ToolError(`${what} has no real value for these arguments.`);
  return value;
}

function notZero(value: number, operator: string): number {
  if (value === 0) throw new ToolError(`Division by zero in ${operator}.`);
  return value;
}

function ownValue<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  const key = name.toLowerCase();
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
