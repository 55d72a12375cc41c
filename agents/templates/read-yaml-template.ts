import { checkSpec } from '../check-spec.ts';
import type { TemplateFile } from './template-file.ts';
import { readYamlMap } from './yaml-map.ts';

/** Reads an agent from YAML: one document with the fields of an agent spec. */
export function readYamlTemplate(file: string, text: string): TemplateFile {
  const map = readYamlMap(file, text, 'a template must be a map of fields; begin it with "name: my-agent"');
  if (!('positionOf' in map)) return { templates: [], problems: map.problems };
  const { spec, problems } = checkSpec(map.input);
  if (spec !== undefined) {
    return {
      templates: [{ file, agent: { spec, tools: [], context: [], middleware: [] }, positionOf: map.positionOf }],
      problems: [],
    };
  }
  return {
    templates: [],
    problems: problems.map(({ path, field, message }) => ({ file, ...map.positionOf(path), field, message })),
  };
}
