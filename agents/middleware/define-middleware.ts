import { z } from 'zod';
import type { JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { isZodSchema } from '../../contracts/output/zod-output.ts';
import { namespaceSchema } from '../../contracts/session/state.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems, type FieldProblem } from '../../core/text/field-problem.ts';
import { optionProblems } from '../capability-options.ts';
import {
  MIDDLEWARE,
  type InputCall,
  type InputResult,
  type Middleware,
  type MiddlewareDefinition,
  type MiddlewareFactory,
  type MiddlewareReply,
  type ModelCall,
  type NextModel,
  type NextTool,
  type OutputCall,
  type OutputResult,
  type ToolHookCall,
} from './middleware.ts';

type MaybePromise<T> = T | Promise<T>;
type Optional<T> = MaybePromise<T | undefined | void>;

export interface MiddlewareOptions<Options = Readonly<Record<string, never>>> {
  /** Names the middleware in templates and in what is recorded: 1 to 64 letters, digits, `.`, `_` or `-`. */
  readonly name: string;
  /** Timeout of one call of a hook in ms, at most 10 minutes, without the time in `next` and `generate`. Default 30,000. */
  readonly timeoutMs?: number;
  /** Whether readers get the text of a reply only when it is final. It may depend on the options. Default: true with an `output` hook, else false. */
  readonly holdsText?: boolean | ((options: NoInfer<Options>) => boolean);
  /** Called once for each message of a run, before the first model call that sees it. What it decides is stored. */
  readonly input?: (call: InputCall<NoInfer<Options>>) => Optional<InputResult>;
  /** Called around each model call of a step. */
  readonly model?: (call: ModelCall<NoInfer<Options>>, next: NextModel) => MaybePromise<MiddlewareReply>;
  /** Called around each attempt of a tool call. Returns the result, as JSON. */
  readonly tool?: (call: ToolHookCall<NoInfer<Options>>, next: NextTool) => unknown;
  /** Called with the answer of a run before it is committed. */
  readonly output?: (call: OutputCall<NoInfer<Options>>) => Optional<OutputResult>;
}

const callback = z.custom((value) => typeof value === 'function', 'must be a function').optional();

const definitionSchema = z
  .strictObject({
    name: namespaceSchema,
    optionsSchema: z.custom<z.ZodType>(isZodSchema, 'must be a zod schema').optional(),
    timeoutMs: z.number().int().min(1).max(600_000).optional(),
    holdsText: z
      .custom((value) => typeof value === 'boolean' || typeof value === 'function', 'must be a boolean or a function')
      .optional(),
    input: callback,
    model: callback,
    tool: callback,
    output: callback,
  })
  .refine(({ input, model, tool, output }) => [input, model, tool, output].some((hook) => hook !== undefined), {
    path: ['input'],
    message: 'is absent, as are model, tool and output; define at least one of them',
  });

/** Defines middleware that takes options: call the result with them to list it in an agent. Throws a TypeError that lists every invalid field with its value and the remedy. */
export function defineMiddleware<Options extends z.ZodType>(
  options: MiddlewareOptions<z.output<Options>> & {
    /** A zod object schema of the options. They are part of the agent's version, so they must be JSON. */
    readonly optionsSchema: Options;
  },
): MiddlewareFactory<z.input<Options>>;
/** Defines middleware. Throws a TypeError that lists every invalid field with its value and the remedy. */
export function defineMiddleware(options: MiddlewareOptions): Middleware;
export function defineMiddleware(
  options: MiddlewareOptions<never> & { readonly optionsSchema?: z.ZodType },
): Middleware | MiddlewareFactory {
  const parsed = definitionSchema.safeParse(options);
  if (!parsed.success) {
    const given = { schema: definitionSchema, input: options, mayQuote: true } as const;
    const problems = joinProblems(describeIssues(parsed.error.issues, given));
    throw new TypeError(`The middleware ${quoted(options?.name)} is not valid: ${problems}.`);
  }
  const { name, input = null, model = null, tool = null, output = null } = options;
  const { holdsText = output !== null } = options;
  const definition = Object.freeze({
    name,
    optionsSchema: options.optionsSchema ?? null,
    timeoutMs: options.timeoutMs ?? LIMITS.middlewareMs.value,
    holdsText: typeof holdsText === 'function' ? holdsText : () => holdsText,
    input,
    model,
    tool,
    output,
    // Options are validated before the hooks receive them.
  }) as MiddlewareDefinition;
  if (definition.optionsSchema === null) return configured(definition, null);
  const factory = (given: JsonObject): Middleware => {
    const result = configureMiddleware(definition, given);
    if ('middleware' in result) return result.middleware;
    throw new TypeError(
      `The options of the middleware ${quoted(name)} are not valid: ${joinProblems(result.problems)}.`,
    );
  };
  return Object.freeze(Object.assign(factory, { definition, [MIDDLEWARE]: true as const }));
}

/** The middleware with options, as a template gives them, or what is wrong with these. */
export function configureMiddleware(
  definition: MiddlewareDefinition,
  options: JsonObject | null,
): { readonly middleware: Middleware } | { readonly problems: readonly FieldProblem[] } {
  const { name, optionsSchema } = definition;
  const problems = optionProblems(optionsSchema, options, `the middleware ${quoted(name)}`);
  if (problems.length > 0) return { problems };
  return { middleware: configured(definition, optionsSchema === null ? null : (options ?? {})) };
}

function configured(definition: MiddlewareDefinition, options: JsonObject | null): Middleware {
  return Object.freeze({ name: definition.name, options, definition, [MIDDLEWARE]: true as const });
}

function quoted(name: unknown): string {
  return JSON.stringify(name) ?? 'without a name';
}
