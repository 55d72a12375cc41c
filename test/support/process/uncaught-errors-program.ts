import { setTimeout as sleep } from 'node:timers/promises';
import { attributeErrors, catchUncaughtErrors, endAsNodeDoes } from '../../../telemetry/uncaught-errors.ts';

/** A program whose arguments are: `log` or `node` for the handler of other errors, then what to do. */
const [handler, ...doings] = process.argv.slice(2);
using _catching = catchUncaughtErrors(
  handler === 'node' ? endAsNodeDoes : (error, origin) => console.log(`other ${origin}: ${(error as Error).message}`),
);

const DOINGS: Readonly<Record<string, () => unknown>> = {
  rejection: () => void Promise.reject(new Error('rejection')),
  'later-rejection': () => void sleep(2).then(() => Promise.reject(new Error('later-rejection'))),
  timer: () =>
    void setTimeout(() => {
      throw new Error('timer');
    }, 1),
  microtask: () =>
    queueMicrotask(() => {
      throw new Error('microtask');
    }),
};

for (const doing of doings) {
  const work = () => DOINGS[doing.replace('other-', '')]?.();
  if (doing.startsWith('other-')) work();
  else attributeErrors((error) => console.log(`tool: ${(error as Error).message}`), work);
  await sleep(20);
}
console.log('end');
