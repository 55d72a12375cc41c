import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import { PROGRAM_TOOL } from '../../core/tools/program-tools.ts';
import { defineTool, ToolError } from '../define-tool.ts';

const minutes = LIMITS.programMs.value / 60_000;
const seconds = LIMITS.programComputeMs.value / 1_000;

/**
 * Executes a program of the model: the tool of agents with `codeMode`. The calls of the program are recorded, so that after a crash
 * it is repeated with the results that it had.
 */
export const runProgram = defineTool({
  name: PROGRAM_TOOL,
  description: `Executes a JavaScript program that calls tools, and returns what the program returns. Use one program for several calls of tools: one after the other, in loops, or side by side with Promise.all. The program is the body of an async function: call tools with \`await tools.name({ … })\`, and end with \`return\` and a value that JSON can express. A call that fails throws an Error; console.log adds lines to the result. There is no network, file, timer or module. Time stands still. A program may take ${minutes} minutes with its calls, ${seconds} seconds without.`,
  parameters: z.object({
    source: z.string().min(1).max(LIMITS.programCharacters.value).describe('The program, in JavaScript.'),
  }),
  idempotent: true,
  timeoutMs: LIMITS.programMs.value,
  // An attempt that lost its worker did nothing that the next one repeats. A call that ends its worker has attempts of its own.
  retry: { maxAttempts: 10 },
  execute: () => {
    throw new ToolError(`The tool ${PROGRAM_TOOL} can be executed only in the run of an agent with \`codeMode\`.`);
  },
});
