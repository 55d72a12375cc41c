/**
 * Runs in the sandbox before the program: an expression whose value is a function. It takes the functions of the host and the facts
 * of the program, defines the globals of the program, and returns functions for the host: to settle a call, to get a result as JSON,
 * and to describe an error. It keeps what it needs of the language, since the program can replace all globals.
 */
export const PRELUDE = `(function (sendCall, sendLog, names, now, seed) {
  'use strict';
  const { stringify, parse } = JSON;
  const text = String;
  const PromiseOf = Promise;
  const ErrorOf = Error;
  const waiting = new Map();
  const take = (index) => {
    const call = waiting.get(index);
    waiting.delete(index);
    return call;
  };

  const tools = Object.create(null);
  let calls = 0;
  for (const name of parse(names)) {
    tools[name] = (args = {}) =>
      new PromiseOf((resolve, reject) => {
        const json = stringify(args);
        if (json === undefined) throw new TypeError('The arguments of ' + name + ' must be an object.');
        calls += 1;
        waiting.set(calls, { resolve, reject });
        const problem = sendCall(calls, name, json);
        if (problem !== '') take(calls).reject(new ErrorOf(problem));
      });
  }
  Object.freeze(tools);

  const show = (value) => {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return value.name + ': ' + value.message;
    try {
      return stringify(value) ?? text(value);
    } catch {
      return text(value);
    }
  };
  const write = (...values) => sendLog(values.map(show).join(' '));
  const console = Object.freeze({ log: write, info: write, warn: write, error: write, debug: write });

  // Time stands still, in UTC: a replay of the program must read the same one.
  const RealDate = Date;
  const proto = RealDate.prototype;
  const utc = RealDate.UTC;
  for (const part of ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds']) {
    proto['get' + part] = proto['getUTC' + part];
    if (proto['setUTC' + part]) proto['set' + part] = proto['setUTC' + part];
  }
  proto.getTimezoneOffset = () => 0;
  proto.toString = proto.toUTCString;
  const FixedDate = function (...given) {
    if (!new.target) return new RealDate(now).toUTCString();
    const from = given.length === 0 ? [now] : given.length === 1 ? given : [utc(...given)];
    return Reflect.construct(RealDate, from, new.target);
  };
  FixedDate.prototype = proto;
  proto.constructor = FixedDate;
  FixedDate.now = () => now;
  FixedDate.parse = RealDate.parse;
  FixedDate.UTC = utc;

  let state = seed;
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };

  // When memory is collected depends on the machine.
  delete globalThis.WeakRef;
  delete globalThis.FinalizationRegistry;
  Object.assign(globalThis, { tools, console, Date: FixedDate });

  return {
    settle: (index, failed, value) => {
      const call = take(index);
      if (failed) call.reject(new ErrorOf(value));
      else call.resolve(parse(value));
    },
    json: (value) => stringify(value ?? null) ?? 'null',
    // The stack has the lines of the program, of which only the first frame is of use to its author.
    describe: (error) => {
      if (!(error instanceof ErrorOf)) return show(error);
      const line = /<program>:(\\d+)/.exec(text(error.stack));
      return error.name + ': ' + error.message + (line ? ' (line ' + line[1] + ')' : '');
    },
  };
})`;

/** Wraps the source of a program in the async function whose body it is. Its first line stays the first. */
export function wrapProgram(source: string): string {
  return `(async () => { 'use strict'; ${source}\n})()`;
}
