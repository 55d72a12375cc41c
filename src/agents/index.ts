export { defineAgent, type Agent, type AgentOptions } from './define-agent.ts';
export { ToolError, defineTool, type Tool, type ToolContext, type ToolOptions, type ToolState } from './define-tool.ts';
export type { AgentSpec, Policy, RetryPolicy } from '../contracts/agent.ts';
export type { Json } from '../contracts/json.ts';
