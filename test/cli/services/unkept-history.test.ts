import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NOWHERE = { DATABASE_URL: 'postgres://127.0.0.1:1/perdure', TEMPORAL_ADDRESS: '127.0.0.1:1' };

test.each([
  ['start', 'model: internal/one\n', {}, 'internal/one'],
  ['start', '', { PERDURE_MODEL: 'internal/two' }, 'internal/two'],
  ['worker', 'model: [kept/one, internal/one]\n', NOWHERE, 'internal/one'],
])(
  '%s refuses an agent with history: service whose provider has Chat Completions only, before it opens the store (%j, %j)',
  async (command, model, env, refused) => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'agents'));
    await writeFile(join(folder, 'agents', 'clerk.yaml'), `name: clerk\nhistory: service\n${model}`);
    const provider = 'baseUrl: http://127.0.0.1:1/v1';
    await writeFile(
      join(folder, 'perdure.yaml'),
      `providers:\n  internal: { ${provider} }\n  kept: { ${provider}, api: responses }\n`,
    );
    const { code, stdout, stderr } = await runCli([command], {
      PERDURE_MODEL: 'scripted/instant',
      PERDURE_CONFIG: join(folder, 'perdure.yaml'),
      PERDURE_AGENTS: join(folder, 'agents'),
      PERDURE_DATA: join(folder, 'data'),
      ...env,
    });
    expect(stderr).toBe(
      `Agents set history: service, but the providers of their models have no Responses API, so they keep no conversations: "clerk" (${refused}). Use models of openai-responses or of a provider with api: responses (providers.NAME.api), for each model of a list, or set history: true.\n`,
    );
    expect(code).toBe(2);
    expect(stdout).not.toMatch(/store|PostgreSQL|ready/);
  },
  30_000,
);
