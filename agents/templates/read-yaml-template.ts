import { checkSpec } from '../define-agent.ts';
import type { TemplateFile } from './template-file.ts';
import { readYamlMap } from './yaml-map.ts';

/** Reads the agent in a YAML text: one document whose fields are those of an agent's spec. */
export function readYamlTemplate(file: string, text: string): TemplateFile {
  const map = readYamlMap(file, text, 'a template is a map of fields; begin it with "name: my-agent"');
  if (!('positionOf' in map)) return { templates: [], problems: map.problems };
  const { spec, problems } = checkSpec(map.input);
  if (spec !== undefined) {
    return { templates: [{ file, agent: { spec, tools: [] }, positionOf: map.positionOf }], problems: [] };
  }
  return {
    templates: [],
    problems: problems.map(({ path, field, message }) => ({ file, ...map.positionOf(path), field, message })),
  };
}
