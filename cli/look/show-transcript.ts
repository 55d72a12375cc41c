import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { stripControl } from '../render/strip-control.ts';
import { oneLine } from '../render/one-line.ts';

/** `perdure transcript <session>`: shows the conversation as the model receives it. */
export async function showTranscript(deps: CommandDeps, id: string): Promise<void> {
  const page = await deps.client.transcript(id);
  if (deps.json) return deps.printJson(page);
  for (const line of page.data.flatMap((entry) => entryLines(entry, deps))) deps.print(line);
}

function entryLines(entry: TranscriptEntry, { paint }: CommandDeps): string[] {
  switch (entry.role) {
    case 'user':
      return stripControl(entry.content)
        .split('\n')
        .map((line) => paint('bold', `> ${line}`));
    case 'assistant':
      return [
        ...(entry.content === '' ? [] : [stripControl(entry.content)]),
        ...(entry.partial ? [paint('yellow', '■ Cut short here.')] : []),
        ...entry.toolCalls.map((call) => paint('cyan', `→ ${call.tool} ${oneLine(call.arguments)}`)),
      ];
    case 'tool':
      return [
        paint(
          'cyan',
          `${entry.status === 'completed' ? '←' : `✗ (${entry.status})`} ${entry.tool} ${oneLine(entry.content)}`,
        ),
      ];
  }
}
