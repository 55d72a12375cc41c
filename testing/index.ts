/** For tests of agents and of what talks to them: a whole Perdure in memory, and models that are scripts or functions. */
export { startPerdure, type TestOptions, type TestPerdure } from './start-perdure.ts';
export { functionModels, lastUserMessage, type FunctionModel, type Said } from './function-models.ts';
export { scriptedModels, type ScriptedModels } from './scripted-models.ts';
export type { ScriptedCall, ScriptedFailure, ScriptedReply } from '../models/scripted/scripted-reply.ts';
export type { ModelCallOptions, ModelDirectory, ModelReply, ModelRequest } from '../models/model-client.ts';
