import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { Cli } from '../shared/cli.ts';
import { harmless, oneLine } from '../render/show-text.ts';

/** `perdure transcript <id>`: the conversation as its model sees it. */
export async function transcript(cli: Cli, id: string): Promise<void> {
  const page = await cli.client.transcript(id);
  if (cli.json) return cli.printJson(page);
  for (const line of page.data.flatMap((entry) => entryLines(entry, cli))) cli.print(line);
}

function entryLines(entry: TranscriptEntry, { paint }: Cli): string[] {
  switch (entry.role) {
    case 'user':
      return harmless(entry.content)
        .split('\n')
        .map((line) => paint('bold', `> ${line}`));
    case 'assistant':
      return [
        ...(entry.content === '' ? [] : [harmless(entry.content)]),
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
