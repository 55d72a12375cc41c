import { z } from 'zod';
import {
  agentTool,
  defineAgent,
  defineApprovalEvaluator,
  defineClientTool,
  defineContextProvider,
  defineMiddleware,
  defineTool,
  memory,
} from '../../../../agents/index.ts';

/** In all that is content here. */
const marked = (what: string) => `CANARY7391-${what}`;
const failing = (what: string) => () => {
  throw new Error(marked(what));
};

const parameters = z.strictObject({ word: z.string() });
const description = marked('description');
const execute = ({ word }: { word: string }) => ({ word });

const reveal = defineTool({ name: 'reveal', description, parameters, idempotent: true, execute });
/** Runs in an activity of its own, reports progress and keeps state. */
const apart = defineTool({
  name: 'apart',
  description,
  parameters,
  timeoutMs: 30_000,
  execute: async ({ word }, { progress, state }) => {
    progress(word);
    await state.merge({ word });
    return word;
  },
});
const blurt = defineTool({
  name: 'blurt',
  description,
  parameters,
  timeoutMs: 30_000,
  retry: { maxAttempts: 2, initialIntervalMs: 1 },
  execute: failing('tool-error'),
});
/** Ends when it is stopped. */
const linger = defineTool({
  name: 'linger',
  description,
  parameters,
  timeoutMs: 30_000,
  execute: async (_arguments, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error(marked('stopped'))));
    }),
});
const pay = defineTool({ name: 'pay', description, parameters, approval: 'always', execute });
const wire = defineTool({
  name: 'wire',
  description,
  parameters,
  approval: failing('predicate-error'),
  execute,
});
export const doubt = defineApprovalEvaluator({ name: 'doubt', evaluate: failing('evaluator-error') });
const seat = defineClientTool({ name: 'seat', description, parameters });
/** Its workflow has no arguments: those of an application are the application's. */
const start = defineTool({
  name: 'start',
  description,
  parameters,
  timeoutMs: 30_000,
  execute: async (_arguments, { startWorkflow }) => {
    await startWorkflow('neverRun', { taskQueue: 'nobody' });
    return 'started';
  },
});

const policy = { retry: { maxAttempts: 2, initialIntervalMs: 1, maxIntervalMs: 5 } };
const instructions = marked('instructions');

export const helper = defineAgent({ name: 'helper', instructions, tools: [linger], policy });
export const capable = defineAgent({
  name: 'capable',
  instructions,
  tools: [reveal, apart, blurt, linger, pay, wire, seat, start, 'ask_user', agentTool(helper, { description })],
  policy,
});
export const evaluated = defineAgent({
  name: 'evaluated',
  instructions,
  tools: [{ name: 'reveal', approval: 'auto' }],
  approvals: { evaluator: 'doubt' },
  policy,
});
export const coder = defineAgent({
  name: 'coder',
  instructions,
  tools: [reveal, apart, blurt],
  codeMode: true,
  policy,
});
export const remembering = defineAgent({
  name: 'remembering',
  instructions,
  context: [memory({ recall: 5, extract: true })],
  policy,
});
export const windowed = defineAgent({ name: 'windowed', instructions, window: { maxTokens: 1_500 }, policy });
export const shaped = defineAgent({
  name: 'shaped',
  instructions,
  output: { schema: z.object({ count: z.number() }) },
  policy,
});

const provider = (phase: 'beforeRun' | 'afterRun', onError: 'fail' | 'skip') =>
  defineContextProvider({
    name: `${phase}-${onError}`,
    maxAttempts: 2,
    onError,
    [phase]: failing('provider-error'),
    ...(phase === 'afterRun' ? { afterRunMode: onError === 'skip' ? 'background' : 'wait' } : {}),
  });
export const unprovided = defineAgent({
  name: 'unprovided',
  instructions,
  context: [provider('beforeRun', 'fail')],
  policy,
});
export const skipped = defineAgent({
  name: 'skipped',
  instructions,
  context: [provider('beforeRun', 'skip'), provider('afterRun', 'skip'), provider('afterRun', 'fail')],
  policy,
});

const refusing = defineMiddleware({ name: 'refusing', input: () => ({ refuse: marked('refusal-reason') }) });
const broken = defineMiddleware({ name: 'broken', model: failing('middleware-error') });
const replacing = defineMiddleware({ name: 'replacing', output: () => ({ text: marked('replaced') }) });
export const refused = defineAgent({ name: 'refused', instructions, middleware: [refusing], policy });
export const unguarded = defineAgent({ name: 'unguarded', instructions, middleware: [broken], policy });
export const replaced = defineAgent({ name: 'replaced', instructions, middleware: [replacing], policy });
