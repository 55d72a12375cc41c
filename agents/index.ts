export { assistant } from './default-agent.ts';
export { agentTool } from './agent-tool.ts';
export {
  defineApprovalEvaluator,
  defineApprovalPredicate,
  type ApprovalContext,
  type ApprovalEvaluator,
  type ApprovalEvaluatorOptions,
  type ApprovalFunction,
  type ApprovalPredicate,
  type ApprovalPredicateOptions,
  type Evaluation,
  type FunctionEvaluatorOptions,
  type ModelEvaluatorOptions,
} from './approvals/define-approval.ts';
export { defineAgent, type Agent, type AgentOptions } from './define-agent.ts';
export type {
  AnsweredRun,
  ContextProvider,
  ContextProviderFactory,
  ProviderCall,
  ProviderContribution,
  ProviderReply,
  ProviderResult,
  ProviderRun,
} from './context/context-provider.ts';
export { defineContextProvider, type ContextProviderOptions } from './context/define-context-provider.ts';
export {
  defineHistoryProvider,
  type HistoryProvider,
  type HistoryProviderOptions,
  type HistoryRun,
  type StoredRun,
} from './context/define-history-provider.ts';
export { documents } from './context/documents.ts';
export { memory } from './context/memory.ts';
export { userProfile } from './context/user-profile.ts';
export { cacheAnswers } from './middleware/cache-answers.ts';
export { defineMiddleware, type MiddlewareOptions } from './middleware/define-middleware.ts';
export { guard } from './middleware/guard.ts';
export { limitRepeatedCalls } from './middleware/limit-repeated-calls.ts';
export {
  MiddlewareError,
  type FurtherCall,
  type ChangedMessage,
  type InputCall,
  type InputMessage,
  type InputResult,
  type Middleware,
  type MiddlewareFactory,
  type MiddlewareReply,
  type MiddlewareRequest,
  type ModelCall,
  type NextModel,
  type NextTool,
  type OutputCall,
  type OutputResult,
  type ToolHookCall,
} from './middleware/middleware.ts';
export { redactPersonalData } from './middleware/redact-personal-data.ts';
export { defineClientTool, type ClientToolOptions } from './define-client-tool.ts';
export { ToolError, defineTool, type Tool, type ToolContext, type ToolOptions } from './define-tool.ts';
export { file, type ToolFile, type ToolFileOptions } from './tool-file.ts';
export type { StartedWorkflow, StartWorkflow, StartWorkflowOptions } from './start-workflow.ts';
export type { ToolMetadata, ToolState } from './tool-state.ts';
export type { AgentSpec, Policy, RetryPolicy } from '../contracts/agent.ts';
export type { Json } from '../contracts/json.ts';
