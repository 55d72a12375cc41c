import { expect, test } from 'vitest';
import { pause } from '../../../cli/fleet/pauses.ts';
import type { CommandDeps } from '../../../cli/shared/command-deps.ts';

/** What `perdure pause --agent` prints at a gateway with these agents; null: it does not list them. */
async function paused(name: string, agents: readonly string[] | null): Promise<string[]> {
  const lines: string[] = [];
  const client = {
    setPause: async () => ({ id: `agent:${name}`, kind: 'agent', name, refuse: false, stop: false, reason: null }),
    agents: async () => {
      if (agents === null) throw new Error('down');
      return { data: agents.map((one) => ({ name: one })) };
    },
  };
  const print = (line: string): void => void lines.push(line);
  await pause({ client, print, hint: print, json: false } as unknown as CommandDeps, { agent: name });
  return lines;
}

test('a pause of an agent that the gateway does not have is set, with a warning that names the closest one', async () => {
  const lines = await paused('asistant', ['assistant', 'tutor']);
  expect(lines[0]).toBe('Paused the agent "asistant": new runs wait, running ones finish.');
  expect(lines.at(-1)).toBe('Warning: the gateway has no agent "asistant"; did you mean "assistant"?');
});

test('there is no warning for an agent that it has, nor where it does not list them', async () => {
  expect((await paused('tutor', ['assistant', 'tutor'])).join()).not.toContain('Warning');
  expect((await paused('tutor', null)).join()).not.toContain('Warning');
});
