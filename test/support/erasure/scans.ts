import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Db } from '../../../store/db/db.ts';
import { historyOf } from '../temporal/raw-temporal.ts';
import type { RedisServer } from '../redis/redis-server.ts';
import { allRows } from '../store/all-rows.ts';
import { CANARY, SESSION, USER } from './use-everything.ts';

/** As the user is written in JSON, in the ids of workflows, and in plain text. */
export const NAMES = [JSON.stringify(USER).slice(1, -1), encodeURIComponent(USER), USER];

/** Which of the words a text has: by default the canary, the id of the session and the user. */
export function foundIn(
  text: string,
  words: readonly string[] = [CANARY, SESSION, encodeURIComponent(SESSION), ...NAMES],
): string[] {
  return words.filter((word) => text.includes(word));
}

/** The tables that have the canary or name the user. */
export async function tablesOf(db: Db): Promise<string[]> {
  const found = (await allRows(db)).filter(({ row }) => foundIn(row).length > 0);
  return [...new Set(found.map(({ table }) => table))].toSorted();
}

/** The files below a folder with the canary in their name or their bytes. */
export function filesWith(folder: string, word = CANARY): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return files.filter((file) => file.includes(word) || readFileSync(file).includes(word));
}

/** Every key of a Redis with its value, as text. */
export async function redisDump(redis: RedisServer): Promise<string> {
  const keys = (await redis.command('KEYS', '*')) as string[];
  const values = await Promise.all(keys.map(async (key) => `${key} ${String(await redis.command('GET', key))}`));
  return values.join('\n');
}

/**
 * The executions whose ids, search attributes, memo or history have the canary or name the user, but those of the application's own
 * types, by workflow type.
 */
export async function executionsWith(client: Client, ownTypes: readonly string[] = []): Promise<string[]> {
  const found: string[] = [];
  for await (const execution of client.workflow.list()) {
    const { workflowId, runId, type, memo, searchAttributes } = execution;
    if (ownTypes.includes(type)) continue;
    const history = await historyOf(client, workflowId, runId).catch(() => []);
    const text = [workflowId, JSON.stringify({ memo, searchAttributes }), ...history.map(textOf)].join('\n');
    if (foundIn(text).length > 0) found.push(`${type} ${workflowId}`);
  }
  return found;
}

/** Every text in an event, its payloads decoded. */
function textOf(event: object): string {
  return JSON.stringify(event).replaceAll(/"data":"([A-Za-z0-9+/=]+)"/g, (_, data: string) =>
    Buffer.from(data, 'base64').toString(),
  );
}
