import type { AgentVersion } from '../../contracts/agent.ts';
import { recoveryNote, type RecoveryReason } from '../../core/conversation/recovery-note.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { ModelMessage, ModelRequest } from '../../models/model-client.ts';

/** Builds the model request of a step. A `toolChoice` applies to the first step only, or the run would never end. */
export function modelRequest(
  agent: AgentVersion,
  model: string,
  { step, recovered }: { readonly step: number; readonly recovered: RecoveryReason | null },
  entries: readonly TranscriptEntry[],
): ModelRequest {
  const { spec, tools } = agent;
  return {
    model,
    // In the instructions, not in a message: many models accept a system message only at the beginning.
    instructions: [spec.instructions ?? '', recoveryNote(recovered)].filter((text) => text !== '').join('\n\n'),
    messages: entries.map(modelMessage),
    tools: tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
    toolChoice: step === 1 || spec.toolChoice === 'none' ? (spec.toolChoice ?? 'auto') : 'auto',
    temperature: spec.temperature ?? null,
    maxOutputTokens: spec.maxOutputTokens ?? null,
    reasoningEffort: spec.reasoningEffort ?? null,
    stream: spec.stream ?? true,
  };
}

function modelMessage(entry: TranscriptEntry): ModelMessage {
  switch (entry.role) {
    case 'user':
      return { role: 'user', content: entry.content };
    case 'assistant':
      return { role: 'assistant', content: entry.content, toolCalls: entry.toolCalls };
    case 'tool':
      return { role: 'tool', callId: entry.callId, tool: entry.tool, content: entry.content };
  }
}
