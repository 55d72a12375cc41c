import type { ChildRun } from '../../../contracts/session/run-family.ts';
import type { RunFacts } from '../../../core/why/run-facts.ts';
import { at, facts, modelCall, run, step, toolCall } from './facts.ts';

export interface Tree {
  readonly facts: RunFacts;
  readonly children: readonly ChildRun[];
  readonly factsOf: ReadonlyMap<string, RunFacts>;
}

/** A run whose only tool call was executed by a researcher, whose only call was executed by a writer. */
export function treeOf(): Tree {
  const child: ChildRun = {
    runId: 'child-1',
    parentRunId: 'run-1',
    callId: 'c1',
    tool: 'researcher',
    agent: 'researcher',
    level: 1,
    status: 'completed',
    calledAt: at(1_000),
    startedAt: at(1_150),
    endedAt: at(3_400),
    returnedAt: at(3_500),
    totalMs: 2_300,
    costUsd: 0.03,
    inputTokens: 20,
    outputTokens: 10,
  };
  const below: ChildRun = {
    ...child,
    runId: 'child-2',
    parentRunId: 'child-1',
    tool: 'writer',
    agent: 'writer',
    level: 2,
    calledAt: at(2_250),
    startedAt: at(2_400),
    endedAt: at(3_150),
    returnedAt: at(3_250),
    totalMs: 800,
    costUsd: 0.01,
  };
  const factsOf = new Map([
    [
      'child-1',
      facts({
        sessionId: 'child-1',
        run: run({
          id: 'child-1',
          agent: 'researcher',
          createdAt: at(1_100),
          startedAt: at(1_150),
          endedAt: at(3_400),
        }),
        steps: [
          step({ startedAt: at(1_150), endedAt: at(2_250) }),
          step({ step: 2, startedAt: at(3_300), endedAt: at(3_400) }),
        ],
        toolCalls: [toolCall({ tool: 'writer', startedAt: at(2_350), endedAt: at(3_250) })],
        modelCalls: [
          modelCall({ startedAt: at(1_150), endedAt: at(2_250), costUsd: 0.01 }),
          modelCall({ step: 2, startedAt: at(3_300), endedAt: at(3_400), costUsd: 0.01 }),
        ],
      }),
    ],
    [
      'child-2',
      facts({
        sessionId: 'child-2',
        run: run({ id: 'child-2', agent: 'writer', createdAt: at(2_350), startedAt: at(2_400), endedAt: at(3_150) }),
        steps: [step({ startedAt: at(2_400), endedAt: at(3_150) })],
        modelCalls: [modelCall({ startedAt: at(2_400), endedAt: at(3_150), costUsd: 0.01 })],
      }),
    ],
  ]);
  const root = facts({
    run: run({ agent: 'lead', endedAt: at(4_000) }),
    steps: [step(), step({ step: 2, startedAt: at(3_500), endedAt: at(4_000) })],
    // The call as it is recorded: it began with the admission of its run.
    toolCalls: [toolCall({ tool: 'researcher', startedAt: at(1_100), endedAt: at(3_500) })],
    modelCalls: [
      modelCall({ costUsd: 0.02 }),
      modelCall({ step: 2, startedAt: at(3_500), endedAt: at(4_000), costUsd: 0.03 }),
    ],
  });
  return { facts: root, children: [child, below], factsOf };
}
