import { deploymentSchema, type Deployment } from '../../contracts/deployment.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { TemplateError } from './template-error.ts';
import { readTemplateText } from './template-file.ts';
import { readYamlMap } from './yaml-map.ts';

const HINT = 'the file must be a map of fields, such as "policy:" with settings under it';

/**
 * Reads the deployment file. A missing file is empty settings, unless its path was configured (`chosen`). Throws a
 * {@link TemplateError} that lists every problem with its file, line and field.
 */
export async function loadDeployment(file: string, { chosen }: { readonly chosen: boolean }): Promise<Deployment> {
  let text: string;
  try {
    text = await readTemplateText(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !chosen) return {};
    throw invalid([{ file, line: null, column: null, field: '', message: unreadable(error as Error) }]);
  }
  const map = readYamlMap(file, text, HINT);
  if (!('positionOf' in map)) throw invalid(map.problems);
  const parsed = deploymentSchema.safeParse(map.input);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, {
    schema: deploymentSchema,
    input: map.input,
    // A header or a query parameter may be a key, and so may anything of an MCP server.
    mayQuote: (path) => !path.includes('headers') && !path.includes('query') && !path.includes('mcpServers'),
  });
  throw invalid(problems.map(({ path, field, message }) => ({ file, ...map.positionOf(path), field, message })));
}

function invalid(problems: TemplateError['problems']): TemplateError {
  return new TemplateError(problems, 'The deployment file has');
}

function unreadable(error: Error): string {
  const why = 'code' in error && error.code === 'ENOENT' ? 'no such file' : error.message;
  return `cannot be read (${why}); correct PERDURE_CONFIG, or unset it`;
}
