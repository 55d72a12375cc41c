import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { wholeTranscript } from '../../client/http/whole-transcript.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { withSession } from '../shared/with-session.ts';
import { printText } from '../render/print-text.ts';
import { stripControl } from '../render/strip-control.ts';
import { messageLines } from '../render/message-lines.ts';
import { oneLine } from '../render/one-line.ts';

/** `perdure transcript <session>`: shows the conversation as the model receives it. */
export async function showTranscript(deps: CommandDeps, id: string): Promise<void> {
  const data = await withSession(deps, id, (found) => wholeTranscript(deps.client, found));
  if (deps.json) return deps.printJson({ data, nextCursor: null });
  for (const line of data.flatMap((entry) => entryLines(entry, deps))) printText(deps, line);
}

function entryLines(entry: TranscriptEntry, { paint }: CommandDeps): string[] {
  switch (entry.role) {
    case 'user':
      return messageLines(entry).map((line) => paint('bold', `> ${line}`));
    case 'assistant':
      return [
        ...(entry.content === '' ? [] : [stripControl(entry.content)]),
        ...(entry.partial ? [paint('yellow', '■ Cut short here.')] : []),
        ...(entry.rejected ? [paint('yellow', stripControl(entry.rejected.feedback))] : []),
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
