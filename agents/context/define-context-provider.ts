import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { isZodSchema } from '../../contracts/output/zod-output.ts';
import { namespaceSchema } from '../../contracts/session/state.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems, type FieldProblem } from '../../core/text/field-problem.ts';
import { optionProblems } from '../capability-options.ts';
import type { Tool } from '../define-tool.ts';
import {
  CONTEXT_PROVIDER,
  type AnsweredRun,
  type ContextProvider,
  type ContextProviderFactory,
  type ProviderContribution,
  type ProviderDefinition,
  type ProviderResult,
  type ProviderRun,
} from './context-provider.ts';

type AnyState = z.ZodRecord<z.ZodString, z.ZodType<Json>>;
type MaybePromise<T> = T | undefined | void | Promise<T | undefined | void>;

export interface ContextProviderOptions<State extends z.ZodType = AnyState, Options = null> {
  /** Names the provider in templates, and its namespace in the session's state: 1 to 64 letters, digits, `.`, `_` or `-`. */
  readonly name: string;
  /** A zod object schema of the provider's state in a session, checked on every read and write. It must accept `{}`, the state of a new session. Default: any JSON object. */
  readonly stateSchema?: State;
  /** Increase it with a change of `stateSchema` that does not accept earlier state. Default 1. */
  readonly stateVersion?: number;
  /** Converts state that an earlier version of the provider wrote, before `stateSchema` checks it. Default: unchanged. */
  readonly migrateState?: (state: JsonObject, fromVersion: number) => JsonObject;
  /** The tools that `beforeRun` may add to a run. */
  readonly tools?: readonly Tool[];
  /** Timeout of one attempt in ms, at most 10 minutes. Default 10,000. */
  readonly timeoutMs?: number;
  /** Attempts in total, including the first, at most 10. Attempts whose worker was lost count. Default 3. */
  readonly maxAttempts?: number;
  /** What follows the last failed attempt: the run fails with `context_provider_failed`, or continues without the provider. Default `fail`. */
  readonly onError?: 'fail' | 'skip';
  /** Returns what is wrong with options that match `optionsSchema`, such as a folder that does not exist, when agents are loaded; null if nothing is. */
  readonly checkOptions?: (options: NoInfer<Options>, folder: string) => string | null;
  /** Called before the first model call of a run. */
  readonly beforeRun?: (
    run: ProviderRun<z.output<State>, NoInfer<Options>>,
  ) => MaybePromise<ProviderContribution<z.output<State>, z.input<State>>>;
  /** Called after the answer of a run was committed and before the run completes; not for a run that fails or is cancelled. */
  readonly afterRun?: (
    run: AnsweredRun<z.output<State>, NoInfer<Options>>,
  ) => MaybePromise<ProviderResult<z.output<State>, z.input<State>>>;
  /**
   * `wait`: the run completes after `afterRun`, and the next run of the session waits for it. `background`: `afterRun` is called
   * by an activity of its own after the run has completed, in the order of the session's runs; no run waits for it, and none fails with it. Default `wait`.
   */
  readonly afterRunMode?: 'wait' | 'background';
  /** Whether an agent that lists the provider with these options needs `afterRun`. Default: it does. */
  readonly needsAfterRun?: (options: NoInfer<Options>) => boolean;
}

const schema = z.custom<z.ZodType>(isZodSchema, 'must be a zod schema');
const callback = z.custom((value) => typeof value === 'function', 'must be a function');
const isTool = (value: unknown): boolean => typeof value === 'object' && value !== null && 'jsonSchema' in value;

const definitionSchema = z
  .strictObject({
    name: namespaceSchema,
    optionsSchema: schema.optional(),
    stateSchema: schema
      .refine(
        (state) => !isZodSchema(state) || state.safeParse({}).success,
        'must accept {}, the state of a new session: give each field a default, or make it optional',
      )
      .optional(),
    stateVersion: z.number().int().min(1).optional(),
    migrateState: callback.optional(),
    tools: z.array(z.custom(isTool, 'must be a tool created by defineTool')).max(64).optional(),
    timeoutMs: z.number().int().min(1).max(600_000).optional(),
    maxAttempts: z.number().int().min(1).max(10).optional(),
    onError: z.enum(['fail', 'skip']).optional(),
    checkOptions: callback.optional(),
    beforeRun: callback.optional(),
    afterRun: callback.optional(),
    afterRunMode: z.enum(['wait', 'background']).optional(),
    needsAfterRun: callback.optional(),
  })
  .refine(({ beforeRun, afterRun }) => beforeRun !== undefined || afterRun !== undefined, {
    path: ['beforeRun'],
    message: 'as is afterRun; define at least one of them',
  })
  .refine(({ afterRun, afterRunMode }) => afterRun !== undefined || afterRunMode === undefined, {
    path: ['afterRunMode'],
    message: 'but the provider has no afterRun; define it, or leave the mode out',
  });

/** Defines a context provider that takes options: call the result with them to list it in an agent. Throws a TypeError that lists every invalid field with its value and the remedy. */
export function defineContextProvider<Options extends z.ZodType, State extends z.ZodType = AnyState>(
  options: ContextProviderOptions<State, z.output<Options>> & {
    /** A zod object schema of the options. They are part of the agent's version, so they must be JSON. */
    readonly optionsSchema: Options;
  },
): ContextProviderFactory<z.input<Options>>;
/** Defines a context provider. Throws a TypeError that lists every invalid field with its value and the remedy. */
export function defineContextProvider<State extends z.ZodType = AnyState>(
  options: ContextProviderOptions<State>,
): ContextProvider;
export function defineContextProvider(
  options: ContextProviderOptions<z.ZodType, never> & { readonly optionsSchema?: z.ZodType },
): ContextProvider | ContextProviderFactory {
  const parsed = definitionSchema.safeParse(options);
  if (!parsed.success) {
    const given = { schema: definitionSchema, input: options, mayQuote: true } as const;
    const problems = joinProblems(describeIssues(parsed.error.issues, given));
    throw new TypeError(`The context provider ${quoted(options?.name)} is not valid: ${problems}.`);
  }
  const definition: ProviderDefinition = Object.freeze({
    name: options.name,
    optionsSchema: options.optionsSchema ?? null,
    stateSchema: options.stateSchema ?? null,
    stateVersion: options.stateVersion ?? 1,
    migrateState: options.migrateState ?? null,
    tools: options.tools ?? [],
    timeoutMs: options.timeoutMs ?? LIMITS.contextProviderMs.value,
    maxAttempts: options.maxAttempts ?? 3,
    onError: options.onError ?? 'fail',
    checkOptions: (options.checkOptions as ProviderDefinition['checkOptions'] | undefined) ?? null,
    // Options and state are validated before the functions receive them.
    beforeRun: (options.beforeRun as ProviderDefinition['beforeRun'] | undefined) ?? null,
    afterRun: (options.afterRun as ProviderDefinition['afterRun'] | undefined) ?? null,
    afterRunMode: options.afterRunMode ?? 'wait',
    needsAfterRun: (options.needsAfterRun as ProviderDefinition['needsAfterRun'] | undefined) ?? null,
  });
  if (!definition.optionsSchema) return configured(definition, null);
  const factory = (given: JsonObject): ContextProvider => {
    const result = configureProvider(definition, given);
    if ('provider' in result) return result.provider;
    throw new TypeError(
      `The options of the context provider ${quoted(options.name)} are not valid: ${joinProblems(result.problems)}.`,
    );
  };
  return Object.freeze(Object.assign(factory, { definition, [CONTEXT_PROVIDER]: true as const }));
}

/** The provider with options, as a template gives them, or what is wrong with these. */
export function configureProvider(
  definition: ProviderDefinition,
  options: JsonObject | null,
): { readonly provider: ContextProvider } | { readonly problems: readonly FieldProblem[] } {
  const { name, optionsSchema } = definition;
  const problems = optionProblems(optionsSchema, options, `the context provider ${quoted(name)}`);
  if (problems.length > 0) return { problems };
  return { provider: configured(definition, optionsSchema === null ? null : (options ?? {})) };
}

function configured(definition: ProviderDefinition, options: JsonObject | null): ContextProvider {
  return Object.freeze({ name: definition.name, options, definition, [CONTEXT_PROVIDER]: true as const });
}

function quoted(name: unknown): string {
  return JSON.stringify(name) ?? 'without a name';
}
