import type { ToolSpec } from '../../contracts/agent.ts';
import { commentText, typeOfSchema } from './type-of-schema.ts';

/** Declares tools as the TypeScript object `tools`, for a model that writes programs over them. */
export function declareTools(tools: readonly Pick<ToolSpec, 'name' | 'description' | 'parameters'>[]): string {
  const functions = tools.map(({ name, description, parameters }) => {
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    return `  /** ${commentText(description)} */\n  ${key}(args: ${typeOfSchema(parameters)}): Promise<any>;`;
  });
  return ['declare const tools: {', ...functions, '};'].join('\n');
}
