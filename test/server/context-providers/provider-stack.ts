import { afterAll, beforeAll, beforeEach } from 'vitest';
import { userProfile } from '../../../agents/context/user-profile.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/**
 * A stack that the tests of a file share. Its agents are defined before it starts: outside the tests. Call it once in a file.
 */
export function providerStack() {
  const agents: AgentSpec[] = [];
  const context: (typeof userProfile)[] = [];
  /** The requests of the model in the current test. */
  const requests: ModelRequest[] = [];
  let stack: Stack | undefined;
  beforeAll(async () => {
    const temporal = await testTemporal();
    stack = await startStack({
      temporal,
      agents,
      context,
      model: (request) => {
        requests.push(request);
        return 'ok';
      },
    });
  });
  beforeEach(() => void requests.splice(0));
  afterAll(async () => await stack?.[Symbol.asyncDispose]());
  return {
    requests,
    /** Defines an agent with these providers, and returns its name. */
    agentWith(providers: readonly (typeof userProfile)[], spec: Partial<AgentSpec> = {}): string {
      const name = `agent-${agents.length}`;
      agents.push({ name, instructions: 'Be brief.', ...spec, context: providers.map((provider) => provider.name) });
      context.push(...providers);
      return name;
    },
    get stack() {
      if (!stack) throw new Error('The stack runs inside tests only.');
      return stack;
    },
  };
}

export async function lastRun({ db }: Stack, key: SessionKey) {
  const { data } = await listRuns(db, key, { limit: 1 });
  const run = await readRun(db, key, data[0]?.id ?? '');
  if (!run) throw new Error('There is no run.');
  return run;
}
