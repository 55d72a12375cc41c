/** Tests of agents and backends: a complete Perdure in memory, scripted models and function models. */
export { startPerdure, type TestOptions, type TestPerdure } from './start-perdure.ts';
export { functionModels, lastUserMessage, type FunctionModel, type FunctionReply } from './function-models.ts';
export { scriptedModels, type ScriptedModels } from './scripted-models.ts';
export type { ScriptedCall, ScriptedFailure, ScriptedReply } from '../models/scripted/scripted-reply.ts';
export type { ModelCallOptions, ModelDirectory, ModelReply, ModelRequest } from '../models/model-client.ts';
