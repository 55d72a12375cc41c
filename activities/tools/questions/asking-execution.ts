import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { ToolError } from '../../../agents/define-tool.ts';
import type { JsonObject } from '../../../contracts/json.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { questionsMs } from '../../../core/mcp/questions-ms.ts';
import { callResult } from '../../../mcp/call-result.ts';
import type { McpAnswer, McpAnswers, McpQuestion } from '../../../mcp/elicitation.ts';
import { McpError } from '../../../mcp/mcp-error.ts';
import { suspendProgram } from '../../../store/programs/suspend-program.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import { PausableTimer } from '../../shared/pausable-timer.ts';
import { mcpCall, toolCode } from '../../shared/tool-code.ts';
import type { ClaimedCall, SuspendableExecution, ToolRun } from '../claimed-call.ts';
import { CallQuestions } from './call-questions.ts';

/** Before a call is made again that its server has ended with a state, and no question. */
const AGAIN_MS = 250;

/**
 * The execution of a call whose MCP server may ask the user; null for other calls. A question over the open call is asked while the call is
 * executed. A call that has ended on the server with questions is suspended, and made again with the answers.
 */
export function askingExecution(deps: ActivityDeps, run: ToolRun, call: ClaimedCall): SuspendableExecution | null {
  const { agent } = run;
  const spec = agent.tools.find(({ name }) => name === call.tool);
  const waitMs = spec ? questionsMs(agent.spec, spec) : null;
  if (!spec?.mcp || waitMs === null || !toolCode(deps, agent, call.tool)) return null;
  const { server } = spec.mcp;
  const { timeoutMs } = spec;
  const { log } = deps.telemetry;
  let waitsFor: readonly string[] = [];
  let isSuspended = false;
  let waitedMs = 0;
  return {
    waitsFor: () => waitsFor,
    suspend: async () => {
      if (!isSuspended) await suspendProgram(deps.db, run.key, { runId: run.runId, program: call.callId, waitsFor });
    },
    timeoutMs: timeoutMs + waitMs,
    waitedMs: () => waitedMs,
    code: async (args, context) => {
      const questions = await CallQuestions.read(deps, run, call.callId, server);
      waitsFor = questions.waiting;
      if (waitsFor.length > 0) throw new ToolError('The call waits for an answer.');
      const timeout = new AbortController();
      const timer = new PausableTimer(timeoutMs, () => timeout.abort(timedOut(timeoutMs)));
      const signal = AbortSignal.any([context.signal, timeout.signal]);
      // The server's request arrives in the context of the connection, not of this activity.
      const here = AsyncLocalStorage.snapshot();
      const ask = async (question: McpQuestion, gone: AbortSignal): Promise<McpAnswer> =>
        await timer.pauseFor(async () => {
          const since = performance.now();
          try {
            return await here(() => questions.ask(question, Math.max(1, waitMs - waitedMs), gone));
          } catch (error) {
            if (!(error instanceof McpError) && !signal.aborted)
              log.warn('A question of an MCP server was not asked', { server, run: run.runId, error });
            throw error;
          } finally {
            waitedMs += performance.now() - since;
          }
        });
      const { settings, call: given } = mcpCall(deps, agent, spec, args as JsonObject, {
        signal,
        progress: context.progress,
      });
      try {
        let answers: McpAnswers | null = questions.answers;
        for (let leg = 1; leg <= LIMITS.mcpQuestions.value; leg++) {
          const asking = { user: run.key.user, waitMs, ask, answers };
          const end = await deps.mcp.callAsking(server, settings, { ...given, asking });
          if ('result' in end) return callResult(given.tool, end.result);
          if (Object.keys(end.asks.questions).length > 0) {
            waitsFor = await questions.suspend(end.asks);
            isSuspended = true;
            throw new ToolError('The call waits for an answer.');
          }
          answers = { answers: {}, state: end.asks.state };
          await delay(AGAIN_MS, undefined, { signal });
        }
        throw new McpError(`The MCP server ${JSON.stringify(server)} does not end the call.`, {
          mayHaveTakenEffect: true,
        });
      } finally {
        timer.stop();
      }
    },
  };
}

function timedOut(timeoutMs: number): McpError {
  const text = `The tool timed out after ${timeoutMs} ms, without the time for which it waited for the user.`;
  return new McpError(text, { retryable: true, mayHaveTakenEffect: true });
}
