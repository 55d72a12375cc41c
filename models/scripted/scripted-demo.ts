import { ModelError, type ModelClient, type ModelMessage, type ModelRequest } from '../model-client.ts';
import { parseScript, type Script } from './scripted-directives.ts';
import { createScriptedLog, digestOf, type ScriptedLog } from './scripted-log.ts';
import { performReply, type ScriptedReply } from './scripted-reply.ts';
import { sampleOf } from './sample-object.ts';
import { suggestCall } from './scripted-suggestion.ts';

/** The scripted models. All of them follow the directives of {@link parseScript}. */
export const SCRIPTED_MODELS = {
  demo: 'a stand-in that shows streaming, thoughts and tools',
  instant: 'the same without delays',
  echo: 'answers "You said: …" at once, in one piece, for benchmarks',
} as const;

const DEMO_DELAY_MS = 15;

/** The part of a request since the newest user message. */
interface Turn {
  readonly message: string;
  /** Model calls since the newest user message. */
  readonly calls: number;
  /** Tool results since the last model call. */
  readonly results: readonly Extract<ModelMessage, { role: 'tool' }>[];
}

/**
 * The `scripted` provider: the fallback when no real model is reachable, and a model that tests control by message. A reply
 * depends on the request only, except for `@fail-times`, which counts earlier attempts. With `logPath`
 * (`PERDURE_SCRIPTED_LOG`) each call appends a line to that file.
 */
export function createScriptedProvider(options: { readonly logPath?: string | undefined } = {}): ModelClient {
  const log = createScriptedLog(options.logPath);
  const provider = 'scripted';
  return {
    provider,
    generate: async (request, callOptions) => {
      callOptions.signal.throwIfAborted();
      const turn = turnOf(request.messages);
      const script = scriptOf(turn.message);
      const digest = digestOf(request);
      log.record({ model: request.model, digest, step: turn.calls + 1, mark: script?.mark ?? null });
      const step = scripted(script, turn, { log, digest }) ?? {};
      const reply = hasContent(step) ? step : { ...defaultReply(request, turn), ...step };
      return performReply({ provider, request, reply }, callOptions);
    },
  };
}

function turnOf(messages: readonly ModelMessage[]): Turn {
  const from = messages.findLastIndex(({ role }) => role === 'user');
  const since = messages.slice(from + 1);
  const lastCall = since.findLastIndex(({ role }) => role === 'assistant');
  return {
    message: messages[from]?.content ?? '',
    calls: since.filter(({ role }) => role === 'assistant').length,
    results: since.slice(lastCall + 1).filter((message) => message.role === 'tool'),
  };
}

function scriptOf(message: string): Script | null {
  try {
    return parseScript(message);
  } catch (error) {
    throw new ModelError('invalid_request', `Invalid script: ${(error as Error).message}`, { retryable: false });
  }
}

/** The script's step for this call; undefined without a script or a further step. */
function scripted(
  script: Script | null,
  { calls }: Turn,
  { log, digest }: { log: ScriptedLog; digest: string },
): ScriptedReply | undefined {
  const step = script?.steps[calls];
  if (!step?.failure || step.failTimes === undefined) return step;
  // The count includes this attempt.
  const { failure: _failure, ...success } = step;
  return log.count(digest) > step.failTimes ? { text: 'ok', ...success } : step;
}

function hasContent({ text, chunks, toolCalls, failure }: ScriptedReply): boolean {
  return [text, chunks, toolCalls, failure].some((part) => part !== undefined);
}

function defaultReply(request: ModelRequest, turn: Turn): ScriptedReply {
  if (request.model === 'echo') return { text: `You said: ${turn.message}`, chunks: 1 };
  const delay = { delayMs: request.model === 'demo' ? DEMO_DELAY_MS : 0 };
  if (request.outputSchema) return { ...delay, text: JSON.stringify(sampleOf(request.outputSchema)) };
  if (turn.results.length > 0) return { ...delay, reasoning: 'The result is there.', text: resultsIn(turn) };
  const call = turn.calls === 0 ? chosenCall(request, turn.message) : null;
  if (!call) return { ...delay, reasoning: 'There is nothing to look up.', text: introduction(request, turn.message) };
  return { ...delay, reasoning: `The tool ${call.tool} can answer this.`, text: '', toolCalls: [call] };
}

function chosenCall({ tools, toolChoice }: ModelRequest, message: string) {
  if (toolChoice === 'none') return null;
  const names = tools.map(({ name }) => name);
  if (toolChoice === 'auto') return suggestCall(message, names);
  const allowed = toolChoice === 'required' ? names : names.filter((name) => name === toolChoice);
  return suggestCall(message, allowed) ?? (allowed[0] === undefined ? null : { tool: allowed[0], arguments: {} });
}

function resultsIn({ results }: Turn): string {
  return results.map(({ tool, content }) => `The tool ${tool} says: ${shortened(content, 2_000)}`).join('\n');
}

function introduction({ tools }: ModelRequest, message: string): string {
  const can: Readonly<Record<string, string>> = {
    calculator: 'some arithmetic (12 * (3 + 4))',
    clock: 'the time (what time is it in Europe/Berlin?)',
    http_fetch: 'a page (https://example.com)',
  };
  const offers = tools.map(({ name }) => can[name]).filter((offer) => offer !== undefined);
  return [
    "I am Perdure's scripted stand-in, not a language model: no real one was found or chosen.",
    `You said: "${shortened(message, 300)}".`,
    offers.length > 0 ? `I can show tools: ask me for ${offers.join(', or ')}.` : '',
    'For real answers set OPENAI_API_KEY or OPENAI_BASE_URL, or start Ollama, llama.cpp, LM Studio or vLLM; `perdure doctor` shows what was found.',
  ]
    .filter((line) => line !== '')
    .join(' ');
}

function shortened(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength).toWellFormed()}…`;
}
