import { storageLimits } from '../../contracts/attachments/storage-limits.ts';
import { saveAttachment } from '../../store/attachments/save-attachment.ts';
import { archiveSession } from '../../store/sessions/archive-session.ts';
import { TURN } from '../bench-agent.ts';
import { generateMemories } from '../memories/generated-memories.ts';
import type { World } from '../world.ts';

/** Conversations that are held at once. */
const AT_ONCE = 25;
const ATTACHMENT = Buffer.alloc(50_000, 'attachment ');

export interface UserSize {
  readonly sessions: number;
  /** Each with a tool call, and a workflow execution of its own. */
  readonly turns: number;
  readonly memories: number;
}

/**
 * Lets a user have sessions with the agent of the benchmarks: of ten, three have an attachment, three are archived in a file, two have ended,
 * and all others are active, with a running execution. And memories with vectors.
 */
export async function userWithEverything(world: World, user: string, size: UserSize): Promise<void> {
  for (let from = 0; from < size.sessions; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, size.sessions - from) }, (_, index) => from + index);
    await Promise.all(some.map((index) => converse(world, user, size, index)));
  }
  await generateMemories(world.db, user, size.memories, 'bench/generated', 256);
}

async function converse(world: World, user: string, { turns }: UserSize, index: number): Promise<void> {
  const talk = world.talk(user);
  for (let turn = 0; turn < turns; turn += 1) await talk.turn(TURN.tool);
  const kind = index % 10;
  if (kind < 3) await talk.turn([{ type: 'text', text: TURN.plain }, await attachmentOf(world, user, index)]);
  talk.close();
  if (kind >= 3 && kind < 6) await archiveSession(world.db, talk.key);
  if (kind >= 6 && kind < 8) await world.sender.end(talk.key, {});
}

async function attachmentOf(world: World, user: string, index: number) {
  const content = [Buffer.concat([Buffer.from(`${index} `), ATTACHMENT])];
  const file = { user, name: `${index}.txt`, typeOf: async () => 'text/plain', limits: storageLimits() };
  return { type: 'file', attachmentId: (await saveAttachment(world.db, file, content)).id } as const;
}
