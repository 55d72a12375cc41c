import { PerdureError } from '../../contracts/errors.ts';

/** What the environment says about models. An empty variable is not set. */
export interface ModelSettings {
  /** `PERDURE_MODEL`: `provider/model`. */
  readonly model: string | null;
  readonly apiKey: string | null;
  readonly baseUrl: string | null;
  /** `PERDURE_OPENAI_API`: which of OpenAI's two APIs `openai/…` means. Default `chat`. */
  readonly openaiApi: 'chat' | 'responses';
  /** `PERDURE_SCRIPTED_LOG`: a file that gets a line for each call of a scripted model. */
  readonly scriptedLog: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `invalid_request` for a value that means nothing, naming the variable; never with a secret in it. */
export function readModelSettings(env: Environment): ModelSettings {
  const read = (name: string) => env[name]?.trim() || null;
  const openaiApi = read('PERDURE_OPENAI_API') ?? 'chat';
  if (openaiApi !== 'chat' && openaiApi !== 'responses') {
    throw new PerdureError(
      'invalid_request',
      `PERDURE_OPENAI_API is ${JSON.stringify(openaiApi)}; set chat or responses.`,
    );
  }
  const baseUrl = read('OPENAI_BASE_URL');
  if (baseUrl !== null && !/^https?:$/.test(URL.parse(baseUrl)?.protocol ?? '')) {
    throw new PerdureError(
      'invalid_request',
      'OPENAI_BASE_URL is not an http or https URL, such as http://127.0.0.1:8080/v1.',
    );
  }
  return {
    model: read('PERDURE_MODEL'),
    apiKey: read('OPENAI_API_KEY'),
    baseUrl,
    openaiApi,
    scriptedLog: read('PERDURE_SCRIPTED_LOG'),
  };
}
