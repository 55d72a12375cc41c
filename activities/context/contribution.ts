import { z } from 'zod';
import type { ProviderDefinition, ProviderResult, ProviderStatePatch } from '../../agents/context/context-provider.ts';
import { toolSpecOf, ToolError } from '../../agents/define-tool.ts';
import { memoryTextSchema } from '../../agents/memory-text.ts';
import type { ContextPhase, Contribution } from '../../contracts/capabilities/context-provider.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';
import { toolJson } from '../tools/tool-json.ts';

const isPatch = (value: unknown): boolean =>
  typeof value === 'function' || (typeof value === 'object' && value !== null);
const state = z.custom<ProviderStatePatch>(isPatch, 'must be an object or a function').optional();
const toolName = z.union([z.string(), z.looseObject({ name: z.string() })], 'must be a tool or its name');

const memory = z.strictObject({
  content: memoryTextSchema,
  replaces: z.string().max(400).optional(),
});

const SCHEMAS = {
  before: z.strictObject({
    instructions: z.string().optional(),
    messages: z.array(z.strictObject({ role: z.enum(['user', 'assistant']), content: z.string() })).optional(),
    tools: z.array(toolName).optional(),
    state,
  }),
  after: z.strictObject({ state, remember: z.array(memory).max(LIMITS.memoriesPerCall.value).optional() }),
};

/** What a call of a provider has returned, checked. */
export interface ProviderReturn {
  /** Null: nothing, or a call of `afterRun`. */
  readonly contribution: Contribution | null;
  readonly state: ProviderStatePatch | null;
  /** Empty for a call of `beforeRun`. */
  readonly remember: NonNullable<ProviderResult['remember']>;
}

/** Checks what `beforeRun` or `afterRun` returned. Throws an error that describes what is not accepted. */
export function checkReturn(definition: ProviderDefinition, phase: ContextPhase, returned: unknown): ProviderReturn {
  if (phase === 'before') {
    const { state: patch = null, ...given } = checked(SCHEMAS.before, returned);
    return { contribution: contributionOf(definition, given), state: patch, remember: [] };
  }
  const { state: patch = null, remember = [] } = checked(SCHEMAS.after, returned);
  return { contribution: null, state: patch, remember };
}

function checked<T>(schema: z.ZodType<T>, returned: unknown): T {
  const result = schema.safeParse(returned ?? {});
  if (result.success) return result.data;
  const problems = joinProblems(describeIssues(result.error.issues, { schema, input: returned }));
  throw new ToolError(`What it returned is not valid: ${problems}.`);
}

function contributionOf(
  definition: ProviderDefinition,
  { instructions = '', messages = [], tools = [] }: z.output<(typeof SCHEMAS)['before']>,
): Contribution | null {
  const names = [...new Set(tools.map((tool) => (typeof tool === 'string' ? tool : tool.name)))];
  const specs = names.map((name) => {
    const tool = definition.tools.find((one) => one.name === name);
    if (tool) return toolSpecOf(tool);
    throw new ToolError(
      `It contributed the tool ${JSON.stringify(name)}, which the provider does not declare; add it to \`tools\` of defineContextProvider.`,
    );
  });
  const contribution = {
    ...(instructions.trim() === '' ? {} : { instructions }),
    ...(messages.length > 0 ? { messages } : {}),
    ...(specs.length > 0 ? { tools: specs } : {}),
  };
  if (Object.keys(contribution).length === 0) return null;
  const json = toolJson(contribution, LIMITS.contributionBytes.value);
  if ('value' in json) return json.value as Contribution;
  throw new ToolError(`What it contributed is ${json.problem}${json.isTooLarge ? ' Contribute less.' : ''}`);
}
