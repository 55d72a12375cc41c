import { createPerdure, type Perdure } from '../../../client/create-perdure.ts';
import type { StubBehaviour } from '../models/stub-model-server.ts';
import { askedOf } from '../models/stub-model-server.ts';

/** In everything that is content, each in its own way. */
export const CANARY = 'CANARY-4c2e';
/** Every kind of character that an id, a list filter and a pattern treat in their own way. */
export const USER = `o'dd "ada"%_:x`;
/** The id of a session. Logs and traces have ids of sessions. */
export const SESSION = 'SESSION-77aa trip';
export const marked = (what: string): string => `${CANARY} ${what}`;

/** The model: it calls tools when told to, streams without an end when told to hold, and otherwise repeats what it was asked. To whoever is not {@link USER} it says so. */
export function markedModel(body: Record<string, unknown>): StubBehaviour {
  const asked = askedOf(body);
  const messages = (body['messages'] ?? body['input']) as { readonly role?: string }[];
  if (!asked.includes(CANARY)) return { text: 'Unmarked.' };
  if (asked.includes('hold')) return { misbehaves: 'hangs-mid-stream', text: marked('partial text') };
  if (!asked.includes('tool') || messages.at(-1)?.role === 'tool') {
    return { text: marked(`answer to ${asked.slice(0, 40)}`), reasoning: marked('thought') };
  }
  const word = marked('argument');
  return {
    text: marked('first text'),
    toolCalls: ['reveal', 'reveal_apart'].map((tool) => ({ tool, arguments: { word } })),
  };
}

export interface UsedUser {
  /** The client of the user. */
  readonly perdure: Perdure;
  /** Sessions with a run that is in progress, or waits. */
  readonly busy: readonly string[];
}

/** Lets {@link USER} leave something in every place, over HTTP, and by a message through Temporal. Runs of two sessions are still open. */
export async function useEverything(gateway: string, temporal: string): Promise<UsedUser> {
  const perdure = createPerdure({ gateway, user: USER });
  const file = await perdure.attachments.upload(marked('file'), { name: `${CANARY}.txt`, contentType: 'text/plain' });
  const twin = await perdure.attachments.upload(marked('other file'), { name: 'b.txt', contentType: 'text/plain' });
  await perdure.memories.add(marked('memory'));
  const trip = perdure.session(SESSION);
  await trip.ask([
    { type: 'text', text: marked('use the tools') },
    { type: 'file', attachmentId: file.id },
  ]);
  await trip.update({ metadata: { word: CANARY }, state: { app: { word: CANARY } } });
  await trip.record({ key: CANARY, requests: 1, counters: { [CANARY]: 1 } });
  // More than the window of the agent has room for.
  for (const part of [1, 2, 3]) await trip.ask(`${marked(`long ${part}`)} ${'words and words '.repeat(120)}`);
  await (await perdure.run(marked('one-off'))).answer();
  await perdure.session('kept').ask({ content: marked('for the provider'), agent: 'clerk' });
  await perdure.session('kept').ask(marked('and again'));

  // One archive in use, one that was restored, and a session that was deleted with its attachment before.
  for (const session of ['old', 'restored']) {
    await perdure.session(session).ask(marked(session));
    await remove(gateway, session, '?archive=true');
  }
  await perdure.session('restored').restore();
  await perdure.session('deleted').ask([
    { type: 'text', text: marked('gone') },
    { type: 'file', attachmentId: twin.id },
  ]);
  await remove(gateway, 'deleted', '?archive=false');

  await perdure.session('ended').ask(marked('ended'));
  await perdure.session('ended').end({ reason: marked('reason') });
  await perdure.session('waiting').send({ content: marked('use the tool'), agent: 'asking' });
  await perdure.session('busy').ask(marked('hello'));
  await perdure.session('busy').send(marked('hold'));
  await perdure.session('busy').send(marked('queued'));
  await perdure.clean({ idleMs: 3_600_000 });

  const raw = createPerdure({ gateway, user: USER, temporal: { address: temporal } });
  await raw.session('raw').ask(marked('raw'));
  await raw.close();
  return { perdure, busy: ['waiting', 'busy'] };
}

/** Removes a session of {@link USER}. The client of the library has no such method. */
export async function remove(gateway: string, session: string, query: string): Promise<void> {
  const response = await fetch(`${gateway}/v1/sessions/${session}${query}`, {
    method: 'DELETE',
    headers: { 'perdure-user': encodeURIComponent(USER) },
  });
  if (!response.ok) throw new Error(`The session ${session} was not removed: ${response.status}.`);
}
