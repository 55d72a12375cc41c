export { assistant } from './default-agent.ts';
export { defineAgent, type Agent, type AgentOptions } from './define-agent.ts';
export { ToolError, defineTool, type Tool, type ToolContext, type ToolOptions } from './define-tool.ts';
export type { StartedWorkflow, StartWorkflow, StartWorkflowOptions } from './start-workflow.ts';
export type { ToolMetadata, ToolState } from './tool-state.ts';
export type { AgentSpec, Policy, RetryPolicy } from '../contracts/agent.ts';
export type { Json } from '../contracts/json.ts';
