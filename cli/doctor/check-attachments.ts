import { randomUUID } from 'node:crypto';
import { PerdureError } from '../../contracts/errors.ts';
import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import type { AttachmentPlace } from '../../store/places/attachment-place.ts';
import { attachmentPlaces } from '../../store/places/attachment-places.ts';
import { readSettings } from '../services/settings.ts';
import type { Finding } from './finding.ts';

const CHECK = 'Attachments';
const TIMEOUT_MS = 15_000;

/**
 * Checks the folder and the bucket of attachments: writes, reads and removes a small content in each. An invalid deployment
 * file is a problem of another check.
 */
export async function checkAttachments(env: NodeJS.ProcessEnv): Promise<Finding> {
  const { attachments = {} } = await readDeployment(env).catch((): Deployment => ({}));
  const { all, current } = attachmentPlaces(attachments);
  const problems = await Promise.all(all.map(problemOf));
  for (const place of all) place.close();
  const problem = problems.find((one) => one !== null);
  if (problem !== undefined) return { check: CHECK, state: 'problem', ...problem };
  const others = all.filter((place) => place !== current).map(({ description }) => description);
  const found = [`in ${current?.description ?? 'the database'}`, ...others.map((other) => `also readable in ${other}`)];
  return { check: CHECK, state: 'ok', found: found.join('; '), remedy: null };
}

/** What keeps a place from being used; null if it can be. */
async function problemOf(place: AttachmentPlace): Promise<Pick<Finding, 'found' | 'remedy'> | null> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`it did not respond within ${TIMEOUT_MS / 1_000} seconds`)),
    TIMEOUT_MS,
  );
  try {
    await Promise.race([probe(place), promise]);
    return null;
  } catch (error) {
    if (error instanceof PerdureError) return { found: error.message, remedy: null };
    const reason = error instanceof Error ? error.message : String(error);
    return {
      found: `${place.description} cannot be used: ${reason}`,
      remedy: 'Check attachments in the deployment file.',
    };
  } finally {
    clearTimeout(timer);
  }
}

async function probe(place: AttachmentPlace): Promise<void> {
  const key = `doctor/${randomUUID()}`;
  const content = Buffer.from('perdure doctor');
  await place.write(key, once(content));
  const pieces: Buffer[] = [];
  for await (const piece of place.read(key, { start: 0, end: content.length })) pieces.push(piece);
  await place.remove(key);
  if (!Buffer.concat(pieces).equals(content)) throw new Error('what was written cannot be read again');
}

async function* once(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}

async function readDeployment(env: NodeJS.ProcessEnv): Promise<Deployment> {
  const { deploymentFile, deploymentChosen } = readSettings(env);
  return await loadDeployment(deploymentFile, { chosen: deploymentChosen });
}
