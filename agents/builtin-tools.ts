import { join } from 'node:path';
import type { Tool } from './define-tool.ts';
import { askUser } from './tools/ask-user.ts';
import { calculator } from './tools/calculator.ts';
import { clock } from './tools/clock.ts';
import { httpFetch } from './tools/http-fetch.ts';
import { forget, recall, remember } from './tools/memory.ts';
import { runProgram } from './tools/run-program.ts';
import { createSendNote } from './tools/send-note.ts';

/** The tools that every template may name. `PERDURE_NOTES` is the file that `send_note` appends to; default: `notes.jsonl` in `PERDURE_DATA`. */
export function builtinTools(env: NodeJS.ProcessEnv = process.env): readonly Tool[] {
  const notes = env['PERDURE_NOTES'] || join(env['PERDURE_DATA'] || '.perdure', 'notes.jsonl');
  return [calculator, clock, httpFetch, createSendNote({ path: notes }), remember, recall, forget, askUser, runProgram];
}
