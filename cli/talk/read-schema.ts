import type { OutputSpec } from '../../contracts/output/output.ts';
import { outputSchemaProblem } from '../../contracts/output/output-schema-problem.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { fieldProblem } from '../../core/text/field-problem.ts';
import { readTextFile } from '../shared/read-text-file.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** Reads the JSON Schema of `--schema`; undefined without the option. */
export async function readSchema(file: string | undefined): Promise<{ readonly output?: OutputSpec }> {
  if (file === undefined) return {};
  const schema = parse(file, await readTextFile(file));
  const problem = outputSchemaProblem(schema);
  if (problem === null) return { output: { schema: schema as JsonObject } };
  const { field, message } = fieldProblem(problem.path, problem.message);
  throw new CliError(`The schema ${file} is not valid: ${field === '' ? '' : `${field} `}${message}.`, EXIT.usage);
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(`The schema ${file} is not JSON: ${(error as Error).message}.`, EXIT.usage);
  }
}
