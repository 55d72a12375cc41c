import { expect, test } from 'vitest';
import { composeHooks, type Hook } from '../../../core/middleware/compose-hooks.ts';

const wrap =
  (name: string): Hook<string, string> =>
  async (given, next) =>
    `${name}(${await next(`${given}>${name}`)})`;

const twice: Hook<number, number> = async (given, next) => (await next(given)) * 100 + (await next(given));

test('the first hook gets the call first and its result last', async () => {
  const call = composeHooks([wrap('a'), wrap('b')], async (given) => `[${given}]`);
  expect(await call('x')).toBe('a(b([x>a>b]))');
});

test('without hooks the call is made as it is', async () => {
  expect(await composeHooks<string, string>([], async (given) => given)('x')).toBe('x');
});

test('a hook can answer itself, and can call next again', async () => {
  let made = 0;
  const make = async (given: number) => given + (made += 1);
  expect(await composeHooks<number, number>([async () => 7], make)(1)).toBe(7);
  expect(made).toBe(0);
  expect(await composeHooks([twice], make)(0)).toBe(102);
});
