import { attachmentKind, type AttachmentKind } from '../../contracts/attachments/attachment.ts';
import type { ContentKind, ProviderSettings } from '../../contracts/provider.ts';
import { providerOf } from './provider-of.ts';

type Providers = Readonly<Record<string, ProviderSettings>> | undefined;

/** What the models of the built-in providers accept beside text, unless the deployment file states it. Of others: nothing. */
const BUILT_IN: Readonly<Record<string, readonly ContentKind[]>> = {
  openai: ['image', 'file'],
  'openai-responses': ['image', 'file'],
  scripted: ['image', 'file'],
  function: ['image', 'file'],
};

/** What a model accepts beside text, by `accepts` of its provider in the deployment file. `model` is `provider/model`. */
export function acceptedContent(providers: Providers, model: string): readonly ContentKind[] {
  const provider = providerOf(model);
  const accepts =
    providers !== undefined && Object.hasOwn(providers, provider) ? providers[provider]?.accepts : undefined;
  if (accepts === undefined) return Object.hasOwn(BUILT_IN, provider) ? (BUILT_IN[provider] ?? []) : [];
  if (Array.isArray(accepts)) return accepts;
  const name = model.slice(provider.length + 1);
  return (Object.hasOwn(accepts, name) ? accepts[name] : accepts['*']) ?? [];
}

/** Where the models are known that could be asked instead. */
export interface KnownModels {
  readonly providers: Providers;
  /** `provider/model`. */
  readonly models: readonly string[];
}

/**
 * The first image or file that none of the models of an agent accepts, in a sentence that names models that do. Null if one of them
 * accepts all of them. A text is given to every model. Names of files are content, so the sentence has none.
 */
export function contentProblem(
  parts: readonly { readonly contentType: string }[],
  asked: readonly string[],
  known: KnownModels,
): string | null {
  const needed = parts.map((part) => ({ ...part, kind: attachmentKind(part.contentType) }));
  const refusedBy = (model: string) =>
    needed.find(({ kind }) => kind !== 'text' && !acceptedContent(known.providers, model).includes(kind));
  const [first = ''] = asked;
  const refused = refusedBy(first);
  if (refused === undefined || asked.some((model) => refusedBy(model) === undefined)) return null;
  return describe(refused, first, known);
}

const NOUNS: Readonly<Record<AttachmentKind, string>> = { image: 'images', file: 'files', text: 'texts' };

function describe(
  { contentType, kind }: { readonly contentType: string; readonly kind: AttachmentKind },
  model: string,
  { providers, models }: KnownModels,
): string {
  const accepts = (one: string) => (acceptedContent(providers, one) as readonly string[]).includes(kind);
  const others = [...new Set(models)].filter((one) => one !== model && accepts(one)).slice(0, 5);
  const whole = [...Object.keys(BUILT_IN), ...Object.keys(providers ?? {})].filter(
    (provider) => !['scripted', 'function'].includes(provider) && accepts(`${provider}/*`),
  );
  const suggestions = [...others, ...new Set(whole.map((provider) => `any of ${provider}`))];
  const provider = providerOf(model);
  const instead = suggestions.length === 0 ? '' : ` Models that do: ${suggestions.join(', ')}.`;
  return `The model ${model} does not accept ${NOUNS[kind]}, such as ${contentType}.${instead} If it accepts them, set providers.${provider}.accepts in the deployment file.`;
}
