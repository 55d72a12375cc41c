import type { Tool } from '../../agents/define-tool.ts';
import type { AgentVersion } from '../../contracts/agent.ts';
import type { Json } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { StepStream } from '../shared/step-stream.ts';

/** A tool call that this worker has claimed in the store. */
export interface ClaimedCall {
  readonly callId: string;
  readonly tool: string;
  readonly step: number;
  readonly arguments: Json;
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
}

/** The run in which tool calls are executed. */
export interface ToolRun {
  readonly key: SessionKey;
  readonly runId: string;
  readonly agent: AgentVersion;
  readonly stream: StepStream;
  readonly signal: AbortSignal;
}

/** A call that can be suspended while it waits for somebody, and how its execution ended: a program of the model, or a call whose server asks the user. */
export interface SuspendableExecution {
  /** The code of the call. */
  readonly code: Tool['execute'];
  /** The `callId` of each call below it that waits for an approval or a client. If there is one, the call has no outcome yet. */
  readonly waitsFor: () => readonly string[];
  /** Saves that the call waits for them. Called after the execution. */
  readonly suspend: () => Promise<void>;
  /** The most that the code may take, the time for which it waits included, in ms. Default: the tool's timeout. */
  readonly timeoutMs?: number;
  /** How long the code has waited for somebody, in ms, which is no work. Default: 0. */
  readonly waitedMs?: () => number;
}
