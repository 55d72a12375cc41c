import { attachmentKind } from '../../contracts/attachments/attachment.ts';
import { modelsOf } from '../../contracts/agent-models.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { ByteSemaphore } from '../../core/load/byte-semaphore.ts';
import { acceptedContent, contentProblem } from '../../core/providers/accepted-content.ts';
import { ModelError, type ModelAttachment, type ModelPart, type ModelRequest } from '../../models/model-client.ts';
import { readAttachments } from '../../store/attachments/read-attachments.ts';
import type { ActivityDeps } from './deps.ts';
import { readCached } from './content-cache.ts';

/** One for the process, whose memory it bounds. */
const memory = new ByteSemaphore(LIMITS.workerAttachmentBytes.value);

/** Waits until the attachments of a request fit into the memory of this worker. They are held until the call has ended. */
export async function holdAttachments(messages: ModelRequest['messages'], signal: AbortSignal): Promise<Disposable> {
  const attachments = messages.flatMap(attachmentsOf);
  const bytes = attachments.reduce((sum, { size }) => sum + size, 0);
  return bytes === 0 ? NOTHING_HELD : await memory.acquire(Math.min(bytes, LIMITS.callAttachmentBytes.value), signal);
}

const NOTHING_HELD: Disposable = { [Symbol.dispose]: () => {} };

type LoadDeps = Pick<ActivityDeps, 'db' | 'deployment' | 'agents' | 'models'>;

/**
 * Reads the contents of a request's attachments: texts as text, images and files as the provider's adapter sends them. Throws a
 * ModelError (`unsupported_content`) where `model` (`provider/model`) does not accept one of the run. In place of one of an
 * earlier run that it does not accept, of the oldest where they are too many, and of one that was removed, the model is told so.
 */
export async function loadAttachments(
  deps: LoadDeps,
  user: string,
  model: string,
  request: ModelRequest,
): Promise<ModelRequest> {
  const attachments = request.messages.flatMap((message) => attachmentsOf(message));
  if (attachments.length === 0) return request;
  refuseUnaccepted(deps, model, attachments);
  const accepted = acceptedContent(deps.deployment.providers, model) as readonly string[];
  const fitting = newestWithin(attachments, LIMITS.callAttachmentBytes.value);
  const ids = [...new Set([...fitting].map(({ attachmentId }) => attachmentId))];
  const stored = await readAttachments(deps.db, user, ids);
  const load = async (part: ModelPart): Promise<ModelPart> => {
    if (part.type !== 'attachment') return part;
    const kind = attachmentKind(part.contentType);
    if (!fitting.has(part)) return leftOut(part, 'is left out: newer ones fill the context');
    if (kind !== 'text' && !accepted.includes(kind)) return leftOut(part, 'is left out: this model does not accept it');
    const end = kind === 'text' ? Math.min(part.size, LIMITS.textFileBytes.value) : part.size;
    const sha256 = stored.get(part.attachmentId)?.sha256;
    const content = sha256 && (await readCached(deps.db, { user, id: part.attachmentId, sha256, end }));
    if (!content || content.length < end || content.length === 0) return leftOut(part, 'is not available any more');
    if (kind === 'text') return { type: 'text', text: textFile(part, content) };
    const { name, contentType, size } = part;
    return { type: kind, name, contentType, size, base64: content.toString('base64') };
  };
  const messages: ModelRequest['messages'][number][] = [];
  for (const message of request.messages) {
    if (!('parts' in message) || message.parts === undefined) {
      messages.push(message);
      continue;
    }
    const parts: ModelPart[] = [];
    for (const part of message.parts) parts.push(await load(part));
    messages.push({ ...message, parts });
  }
  return { ...request, messages };
}

function attachmentsOf(message: ModelRequest['messages'][number]): readonly ModelAttachment[] {
  const parts = 'parts' in message ? (message.parts ?? []) : [];
  return parts.filter((part) => part.type === 'attachment');
}

function refuseUnaccepted(
  { deployment: { providers }, agents, models: { defaultModel } }: LoadDeps,
  model: string,
  attachments: readonly ModelAttachment[],
): void {
  const models = [defaultModel, ...agents.list().flatMap((agent) => modelsOf(agent) ?? [])];
  const ofRun = attachments.filter(({ isOfRun }) => isOfRun);
  const problem = contentProblem(ofRun, [model], { providers, models });
  if (problem !== null) throw new ModelError('unsupported_content', problem, { retryable: false, unsent: true });
}

/** Those that fit, the newest first. */
function newestWithin(attachments: readonly ModelAttachment[], maxBytes: number): ReadonlySet<ModelAttachment> {
  const fitting = new Set<ModelAttachment>();
  let left = maxBytes;
  for (const attachment of attachments.toReversed()) {
    left -= attachment.size;
    if (left < 0) break;
    fitting.add(attachment);
  }
  return fitting;
}

function leftOut({ name, contentType }: ModelAttachment, why: string): ModelPart {
  return { type: 'text', text: `[The file ${JSON.stringify(name)} (${contentType}) ${why}.]` };
}

function textFile({ name, size }: ModelAttachment, content: Buffer): string {
  // A character that is cut at the end is left out.
  const text = new TextDecoder('utf-8').decode(content, { stream: true });
  const cut = content.length < size ? `\n[Cut: the first ${content.length} of ${size} bytes.]` : '';
  return `File ${JSON.stringify(name)}:\n${text}${cut}`;
}
