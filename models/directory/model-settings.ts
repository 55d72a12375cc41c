import { PerdureError } from '../../contracts/errors.ts';

/** The model settings of the environment. Empty variables count as unset. */
export interface ModelSettings {
  /** `PERDURE_MODEL`: `provider/model`. */
  readonly model: string | null;
  readonly apiKey: string | null;
  readonly baseUrl: string | null;
  /** `PERDURE_OPENAI_API`: the API that `openai/…` uses. Default `chat`. */
  readonly openaiApi: 'chat' | 'responses';
  /** `PERDURE_SCRIPTED_LOG`: a file to which each call of a scripted model appends a line. */
  readonly scriptedLog: string | null;
}

export type ModelEnvironment = Readonly<Record<string, string | undefined>>;

/** Throws `invalid_request` for an invalid value. The message names the variable and contains no secret. */
export function readModelSettings(env: ModelEnvironment): ModelSettings {
  const read = (name: string) => env[name]?.trim() || null;
  const openaiApi = read('PERDURE_OPENAI_API') ?? 'chat';
  if (openaiApi !== 'chat' && openaiApi !== 'responses') {
    throw new PerdureError(
      'invalid_request',
      `PERDURE_OPENAI_API is ${JSON.stringify(openaiApi)}. Set it to chat or responses.`,
    );
  }
  const baseUrl = read('OPENAI_BASE_URL');
  if (baseUrl !== null && !/^https?:$/.test(URL.parse(baseUrl)?.protocol ?? '')) {
    throw new PerdureError(
      'invalid_request',
      'OPENAI_BASE_URL must be an http or https URL, such as http://127.0.0.1:8080/v1.',
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
