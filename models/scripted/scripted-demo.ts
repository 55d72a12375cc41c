import { ModelError, type ModelClient, type ModelMessage, type ModelRequest } from '../model-client.ts';
import { parseScript, type Script } from './scripted-directives.ts';
import { createScriptedLog, digestOf, type ScriptedLog } from './scripted-log.ts';
import { performReply, type ScriptedReply } from './scripted-reply.ts';
import { suggestCall } from './scripted-suggestion.ts';

/** The models that are not models. All follow the directives of {@link parseScript}. */
export const SCRIPTED_MODELS = {
  demo: 'a stand-in that shows streaming, thoughts and tools',
  instant: 'the same without delays',
  echo: 'answers "You said: …" at once, in one piece, for benchmarks',
} as const;

const DEMO_DELAY_MS = 15;

/** The part of a request that a scripted model answers. */
interface Turn {
  readonly said: string;
  /** Model calls since the newest user message. */
  readonly calls: number;
  /** Tool results since then that no call has seen. */
  readonly results: readonly Extract<ModelMessage, { role: 'tool' }>[];
}

/**
 * The `scripted` provider: answers when no real model is reachable, and lets tests in other processes say by
 * message what it does. It depends on the request alone; only `@fail-times` looks at the calls before.
 * With `logPath` (the variable `PERDURE_SCRIPTED_LOG`) each call that begins adds a line to that file.
 */
export function createScriptedProvider(options: { readonly logPath?: string | undefined } = {}): ModelClient {
  const log = createScriptedLog(options.logPath);
  const provider = 'scripted';
  return {
    provider,
    generate: async (request, callOptions) => {
      callOptions.signal.throwIfAborted();
      const turn = turnOf(request.messages);
      const script = scriptOf(turn.said);
      const digest = digestOf(request);
      log.record({ model: request.model, digest, step: turn.calls + 1, mark: script?.mark ?? null });
      const step = scripted(script, turn, { log, digest }) ?? {};
      const reply = saysSomething(step) ? step : { ...answer(request, turn), ...step };
      return performReply({ provider, request, reply }, callOptions);
    },
  };
}

function turnOf(messages: readonly ModelMessage[]): Turn {
  const from = messages.findLastIndex(({ role }) => role === 'user');
  const since = messages.slice(from + 1);
  const lastCall = since.findLastIndex(({ role }) => role === 'assistant');
  return {
    said: messages[from]?.content ?? '',
    calls: since.filter(({ role }) => role === 'assistant').length,
    results: since.slice(lastCall + 1).filter((message) => message.role === 'tool'),
  };
}

function scriptOf(said: string): Script | null {
  try {
    return parseScript(said);
  } catch (error) {
    throw new ModelError('invalid_request', `The scripted model: ${(error as Error).message}`, { retryable: false });
  }
}

/** What the message's script says for this call; undefined when it has none, or none left. */
function scripted(
  script: Script | null,
  { calls }: Turn,
  { log, digest }: { log: ScriptedLog; digest: string },
): ScriptedReply | undefined {
  const step = script?.steps[calls];
  if (!step?.failure || step.failTimes === undefined) return step;
  // This try has been noted already.
  const { failure: _failure, ...well } = step;
  return log.count(digest) > step.failTimes ? { text: 'ok', ...well } : step;
}

function saysSomething({ text, chunks, toolCalls, failure }: ScriptedReply): boolean {
  return [text, chunks, toolCalls, failure].some((said) => said !== undefined);
}

function answer(request: ModelRequest, turn: Turn): ScriptedReply {
  if (request.model === 'echo') return { text: `You said: ${turn.said}`, chunks: 1 };
  const delay = { delayMs: request.model === 'demo' ? DEMO_DELAY_MS : 0 };
  if (turn.results.length > 0) return { ...delay, reasoning: 'The result is there.', text: resultsIn(turn) };
  const call = turn.calls === 0 ? chosenCall(request, turn.said) : null;
  if (!call) return { ...delay, reasoning: 'There is nothing to look up.', text: introduction(request, turn.said) };
  return { ...delay, reasoning: `The tool ${call.tool} can answer this.`, text: '', toolCalls: [call] };
}

function chosenCall({ tools, toolChoice }: ModelRequest, said: string) {
  if (toolChoice === 'none') return null;
  const names = tools.map(({ name }) => name);
  if (toolChoice === 'auto') return suggestCall(said, names);
  const insisted = toolChoice === 'required' ? names : names.filter((name) => name === toolChoice);
  return suggestCall(said, insisted) ?? (insisted[0] === undefined ? null : { tool: insisted[0], arguments: {} });
}

function resultsIn({ results }: Turn): string {
  return results.map(({ tool, content }) => `The tool ${tool} says: ${shortened(content, 2_000)}`).join('\n');
}

function introduction({ tools }: ModelRequest, said: string): string {
  const can: Readonly<Record<string, string>> = {
    calculator: 'some arithmetic (12 * (3 + 4))',
    clock: 'the time (what time is it in Europe/Berlin?)',
    http_fetch: 'a page (https://example.com)',
  };
  const offers = tools.map(({ name }) => can[name]).filter((offer) => offer !== undefined);
  return [
    "I am Perdure's scripted stand-in, not a language model: no real one was found or chosen.",
    `You said: "${shortened(said, 300)}".`,
    offers.length > 0 ? `I can show tools: ask me for ${offers.join(', or ')}.` : '',
    'For real answers set OPENAI_API_KEY or OPENAI_BASE_URL, or start Ollama, llama.cpp, LM Studio or vLLM; `perdure doctor` says what was found.',
  ]
    .filter((line) => line !== '')
    .join(' ');
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`;
}
