import { expect, test } from 'vitest';
import type { RunWhy } from '../../../contracts/why.ts';
import { runLines } from '../../../cli/look/why.ts';
import { explainRun } from '../../../core/why/explain-run.ts';
import { explainTree } from '../../../core/why/explain-tree.ts';
import { treeOf } from '../../core/why/tree.ts';
import { at, facts, modelCall, run, step, toolCall } from '../../core/why/facts.ts';

const plain = { paint: (_format: string, text: string) => text };

function why(): RunWhy {
  return explainRun(
    facts({
      run: run({ endedAt: at(4_200) }),
      steps: [
        step({ endedAt: at(1_000), finish: 'tool_calls' }),
        step({ step: 2, attempts: 2, startedAt: at(1_300), endedAt: at(4_200) }),
      ],
      toolCalls: [toolCall({ startedAt: at(1_002), endedAt: at(1_300), tool: 'fetch' })],
      modelCalls: [
        modelCall(),
        modelCall({ step: 2, startedAt: at(1_300), endedAt: at(1_350), outcome: 'failed', error: 'rate_limited' }),
        modelCall({ step: 2, attempt: 2, startedAt: at(2_200), endedAt: at(4_200), firstTokenMs: 500, costUsd: 0.02 }),
      ],
    }),
  );
}

test('in a terminal of 80 columns no line is longer, and bars show when things were', () => {
  const lines = runLines(why(), 80, plain);
  const fall = lines.slice(4, lines.indexOf('', 4));
  expect(fall.filter((line) => line.length > 80)).toEqual([]);
  expect(fall).toMatchInlineSnapshot(`
    [
      "AT       TOOK    TOKEN   WHAT                         ░ until the first token",
      "+0 ms    100 ms          queue until a worker began   █",
      "+100 ms  900 ms  200 ms  model step 1                  ░████",
      "+1.0 s   298 ms          tool fetch                         ██",
      "+1.3 s   50 ms   200 ms  model step 2 ✗ rate_limited          ▏",
      "+1.4 s   850 ms          retry before attempt 2               ██████",
      "+2.2 s   2.0 s   500 ms  model step 2, attempt 2                    ░░░█████████",
      "         2 ms            overhead in a short gap",
      "4.2 s in total: model 3.0 s (70 %), retry 850 ms (20 %), tool 298 ms (7 %),",
      "  queue 100 ms (2 %), overhead 2 ms (<1 %)",
    ]
  `);
});

test('without a terminal there are no bars', () => {
  expect(runLines(why(), null, plain)).toMatchInlineSnapshot(`
    [
      "run run-1: completed",
      "session main",
      "agent assistant, model test/one, from 2026-01-01T00:00:00.000Z",
      "",
      "AT       TOOK    TOKEN   WHAT",
      "+0 ms    100 ms          queue until a worker began",
      "+100 ms  900 ms  200 ms  model step 1",
      "+1.0 s   298 ms          tool fetch",
      "+1.3 s   50 ms   200 ms  model step 2 ✗ rate_limited",
      "+1.4 s   850 ms          retry before attempt 2",
      "+2.2 s   2.0 s   500 ms  model step 2, attempt 2",
      "         2 ms            overhead in a short gap",
      "4.2 s in total: model 3.0 s (70 %), retry 850 ms (20 %), tool 298 ms (7 %),",
      "  queue 100 ms (2 %), overhead 2 ms (<1 %)",
      "",
      "STEP  OUTCOME    INPUT  CACHED  OUTPUT  REASONING  COST   MODEL",
      "1     completed  10     0       5       0          $0.01  one",
      "2     failed     10     0       5       0          $0.01  one",
      "2.2   completed  10     0       5       0          $0.02  one",
      "all              30     0       15      0          $0.04",
      "",
      "Most of the 4.2 s, 3.0 s, was the model; the longest was step 2, attempt 2, 2.0 s.",
      "The largest part of the $0.04 was step 2, attempt 2, $0.02.",
    ]
  `);
});

test('in a narrow terminal the error of a long line is not cut off', () => {
  const lines = runLines(why(), 50, plain);
  expect(lines.some((line) => line.endsWith('model step 2 ✗ rate_limited'))).toBe(true);
});

test('the runs that a call has made are drawn below it, with the parts of their time', () => {
  const { facts: root, children, factsOf } = treeOf();
  const lines = runLines(explainTree(root, children, factsOf), 100, plain);
  expect(lines.slice(4, lines.indexOf('', 4))).toMatchInlineSnapshot(`
    [
      "AT       TOOK    TOKEN   WHAT                                     ░ until the first token",
      "+0 ms    100 ms          queue until a worker began               █",
      "+100 ms  900 ms  200 ms  model step 1                              ░░██████",
      "+1.0 s   2.5 s           tool researcher                                   █████████████████████",
      "+1.1 s   2.3 s             └ researcher: model 1.2 s, tool 1.0 s           ████████████████████",
      "+2.4 s   800 ms              └ writer: model 750 ms                                   ███████",
      "+3.5 s   500 ms  200 ms  model step 2                                                           ░███",
      "4.0 s in total: tool 2.5 s (63 %), model 1.4 s (35 %), queue 100 ms (3 %)",
      "CALLED        AGENT       CALL  STATUS     TOOK    COST   RUN",
      "└ researcher  researcher  c1    completed  2.3 s   $0.03  child-1",
      "  └ writer    writer      c1    completed  800 ms  $0.01  child-2",
    ]
  `);
});
