import type { AgentSpec } from '../../../contracts/agent.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { lastUserMessage, type FunctionModel } from '../../../testing/function-models.ts';

/** Agents whose instructions are their names, so that a model call shows whose it is. `lead` and `researcher` have all three as tools. */
export const DELEGATING_AGENTS: readonly AgentSpec[] = [
  ...['lead', 'researcher'].map((name) => ({
    name,
    instructions: name,
    tools: ['lead', 'researcher', 'writer'],
    agentTools: [{ agent: 'lead' }, { agent: 'researcher' }, { agent: 'writer' }],
  })),
  { name: 'writer', instructions: 'writer' },
];

/**
 * A model that does what its message states: `researcher: TASK | writer: TASK` calls these agents, and their results are the answer;
 * `fail` is an error; anything else is answered. Within a task, `>` stands for the colon of the next level.
 */
export const delegatingModel: FunctionModel = (request) => {
  const { messages, instructions } = request;
  const since = messages.findLastIndex(({ role }) => role === 'user');
  const results = messages.slice(since).flatMap((message) => (message.role === 'tool' ? [message] : []));
  const asked = lastUserMessage(request);
  if (asked.startsWith('fail')) throw new Error('The model is broken.');
  if (results.length > 0) return `${instructions} has ${JSON.stringify(results.map(({ content }) => content))}`;
  const wanted = asked.split('|').flatMap((part) => {
    const found = /^\s*(\w+): (.*)$/.exec(part);
    return found ? [{ tool: found[1] ?? '', task: (found[2] ?? '').trim().replace('>', ':') }] : [];
  });
  if (wanted.length === 0) return `${instructions} did ${asked}`;
  return {
    toolCalls: wanted.map(({ tool, task }, at) => ({
      callId: `c${at}`,
      tool,
      arguments: { task },
      malformed: null,
    })),
  };
};

/** The keys of the runs that calls of a session have made, in the order of the calls. */
export function childrenOf({ user }: SessionKey, events: readonly PerdureEvent[]): SessionKey[] {
  return events.flatMap((event) =>
    event.type === 'tool.called' && event.childRunId !== undefined ? [{ user, session: event.childRunId }] : [],
  );
}
