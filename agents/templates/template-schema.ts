import { z } from 'zod';
import { agentTemplateSchema } from '../../contracts/agent.ts';
import type { JsonObject } from '../../contracts/json.ts';

/** The JSON Schema of a YAML template, for editors. It accepts every template that {@link checkSpec} accepts. */
export function templateSchema(): JsonObject {
  const schema = z.toJSONSchema(agentTemplateSchema, { io: 'input' }) as JsonObject;
  return { ...schema, title: 'Perdure agent' };
}
