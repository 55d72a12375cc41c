import { expect, test } from 'vitest';
import { z } from 'zod';
import { claimTool } from '../../../activities/tools/claim-tool.ts';
import type { ActivityDeps } from '../../../activities/shared/deps.ts';
import { defineTool, toolSpecOf } from '../../../agents/define-tool.ts';
import { createInProcessLive } from '../../../live/in-process.ts';
import { NO_COMMITS } from '../../support/no-commits.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { call, withCalls } from '../../store/conversation.ts';

const database = embeddedDatabase();

const toolThatIs = (idempotent: boolean) =>
  defineTool({ name: 'clock', description: 'A clock.', parameters: z.object({}), idempotent, execute: () => 1 });

test.each([
  ['is run again if the code of this worker is idempotent too', true, { claim: 'run', attempt: 2 }],
  ['ends as unknown if the code of this worker is not idempotent', false, { claim: 'closed', status: 'unknown' }],
])('a call that lost its worker, of a tool that was idempotent when its run began, %s', async (_what, now, second) => {
  const { db } = database;
  const { key, runId } = await withCalls(db, call('c1', { tool: 'clock', idempotent: true }));
  const deps = {
    db,
    live: createInProcessLive(),
    commits: NO_COMMITS,
    agents: { tool: () => toolThatIs(now) },
  } as unknown as ActivityDeps;
  const pinned = { hash: 'h', spec: { name: 'assistant' }, tools: [toolSpecOf(toolThatIs(true))] };
  const claim = () => claimTool(deps, key, { runId, callId: 'c1', tool: 'clock', agent: pinned });
  expect(await claim()).toMatchObject({ claim: 'run', attempt: 1 });
  expect(await claim()).toMatchObject(second);
});
