import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { displayPath } from '../../agents/templates/display-path.ts';
import { agentNameSchema } from '../../contracts/session/message.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { fileErrorReason } from '../shared/read-text-file.ts';
import { EDITOR_LINE, writeEditorSchema } from './editor-schema.ts';

/** `perdure agents new <name>`: writes a template that loads as it is. Never changes a file that exists. */
export async function newAgent(
  deps: CommandDeps,
  folder: string,
  name: string,
  { ts = false }: { readonly ts?: boolean },
): Promise<void> {
  if (!agentNameSchema.safeParse(name).success) {
    throw new CliError(
      `${JSON.stringify(name)} cannot be the name of an agent: it must be 1 to 64 letters, digits, ".", "_" or "-".`,
      EXIT.usage,
    );
  }
  const existing = (await readdir(folder).catch(() => [])).find(
    (file) => /^(.*)\.(?:ya?ml|ts|js)$/.exec(file)?.[1] === name,
  );
  if (existing !== undefined) {
    throw new CliError(
      `${displayPath(join(folder, existing))} already exists. Choose another name, or edit that file.`,
      EXIT.usage,
    );
  }
  const file = join(folder, `${name}.${ts ? 'ts' : 'yaml'}`);
  try {
    if (ts) await mkdir(folder, { recursive: true });
    else await writeEditorSchema(folder);
    await writeFile(file, ts ? moduleOf(name) : yamlOf(name), { flag: 'wx' });
  } catch (error) {
    throw new CliError(`Cannot write ${file}: ${fileErrorReason(error)}.`, EXIT.failed);
  }
  if (deps.json) return deps.printJson({ file });
  deps.print(`Created ${displayPath(file)}.`);
  deps.hint('Edit it. A running `perdure start` uses each saved change for the next run.');
  deps.hint('Check it:        perdure agents check');
  deps.hint(`Talk to it:      perdure chat --agent ${name}`);
}

function yamlOf(name: string): string {
  return `${EDITOR_LINE}
name: ${JSON.stringify(name)}
description: What it is for, in one sentence.
instructions: |
  You are a helpful assistant. Answer in a few sentences.
# Built-in tools are listed in docs/agents.md; modules in this folder define others.
tools:
  - clock
policy:
  maxSteps: 10 # model calls in one run
`;
}

function moduleOf(name: string): string {
  const exported = `agent_${name.replaceAll(/[^A-Za-z0-9]+/g, '_')}`;
  return `import { defineAgent, defineTool } from 'perdure/agents';
import { z } from 'zod';

const greet = defineTool({
  name: '${`greet_${name.replaceAll('.', '_')}`.slice(0, 64)}',
  description: 'Returns a greeting for a person.',
  // The model sees this schema. Its arguments are checked against it before \`execute\` is called.
  parameters: z.object({ person: z.string().describe('The name of the person') }),
  // It only reads, so it may run again after a crash.
  idempotent: true,
  execute: ({ person }) => \`Hello, \${person}!\`,
});

export const ${exported} = defineAgent({
  name: '${name}',
  description: 'What it is for, in one sentence.',
  instructions: 'You are a helpful assistant. Answer in a few sentences.',
  tools: [greet],
});
`;
}
