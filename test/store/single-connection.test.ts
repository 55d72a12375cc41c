import { expect, test } from 'vitest';
import { SingleConnection } from '../../store/db/single-connection.ts';

/** Notes what begins and ends, and lets each end on demand. */
function work(log: string[]) {
  const ends = new Map<string, () => void>();
  return {
    of: (name: string) => async () => {
      log.push(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.set(name, resolve);
      await promise;
      log.push(`end of ${name}`);
      return name;
    },
    end: (name: string) => ends.get(name)?.(),
  };
}

test('statements are sent at once, in their order, and before a later transaction', async () => {
  const log: string[] = [];
  const { of, end } = work(log);
  const connection = new SingleConnection();
  void connection.statement(of('a'));
  void connection.statement(of('b'));
  const transaction = connection.transaction(of('t'));
  expect(log).toEqual(['a', 'b', 't']);
  end('t');
  expect(await transaction).toBe('t');
});

test('whatever comes during a transaction waits for its end, in the order in which it came', async () => {
  const log: string[] = [];
  const { of, end } = work(log);
  const connection = new SingleConnection();
  const first = connection.transaction(of('t1'));
  void connection.statement(of('a'));
  const second = connection.transaction(of('t2'));
  const last = connection.statement(of('b'));
  expect(log).toEqual(['t1']);
  end('t1');
  await first;
  expect(log).toEqual(['t1', 'end of t1', 'a', 't2']);
  end('t2');
  await second;
  end('b');
  expect(await last).toBe('b');
});

test('a transaction that fails frees the connection, and so does one that throws before it has sent anything', async () => {
  const connection = new SingleConnection();
  await expect(connection.transaction(async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const throwing = connection.transaction(() => {
    throw new Error('at once');
  });
  await expect(throwing).rejects.toThrow('at once');
  expect(await connection.statement(async () => Promise.resolve(1))).toBe(1);
});
