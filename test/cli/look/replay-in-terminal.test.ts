import { beforeAll, expect, test } from 'vitest';
import { findProgram } from '../../../dev-server/find-program.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { beginModel, newKey, replyTo, send } from '../../store/conversation.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { startInTerminal, type RunningCli } from '../../support/process/run-cli.ts';

const database = embeddedDatabase();
let runId: string;
beforeAll(async () => {
  const { db } = database;
  const key = newKey('local');
  ({ runId } = await send(db, key, { id: 'm1', content: 'Why?' }));
  const reply = replyTo(runId, await beginModel(db, key, runId), { text: 'Because.' });
  await commitStep(db, key, { ...reply, reply: { ...reply.reply, reasoning: 'Let me think.' } });
}, 60_000);

/** Runs a replay with --step in a terminal. */
async function stepping(skip: (reason: string) => never, work: (running: RunningCli) => Promise<void>): Promise<void> {
  const python = findProgram('python3', process.env);
  if (python === null) return cannotRunHere(skip, 'no Python ("python3") on the PATH, which makes the terminal');
  const { env } = await servedGateway(database.db);
  const running = startInTerminal(python, ['replay', runId, '--step'], env);
  try {
    await work(running);
  } finally {
    running.signal('SIGKILL');
  }
}

/** The final lines on the screen of a terminal. */
function screenOf(output: string): string[] {
  return output.split('\r\n').map((line) => line.split('\u001B[K').at(-1) as string);
}

test('each key shows the next event, and no text is lost to the line that asks for it', ({ skip }) =>
  stepping(skip, async (running) => {
    for (const event of [
      'message.received',
      'run.started',
      'reasoning.completed',
      'message.completed',
      'run.completed',
    ]) {
      await running.shows(` ${event}] `);
      running.type(' ');
    }
    const { code, stdout } = await running.done;
    expect(screenOf(stdout)).toEqual([
      expect.stringMatching(/^Run .*: completed, .*\. Press any key for the next event, q to quit\.$/),
      'Only durable events are stored, so text appears one step at a time.',
      '> Why?',
      '~ Let me think.',
      'Because.',
      expect.stringContaining('1 step'),
      '',
    ]);
    expect(code).toBe(0);
  }));

test('q ends it and leaves an empty line, Ctrl-C too and exits 130', ({ skip }) =>
  stepping(skip, async (running) => {
    await running.shows('message.received] ');
    running.type(' ');
    await running.shows('run.started] ');
    running.type('q');
    const { code, stdout } = await running.done;
    expect(screenOf(stdout).slice(-2)).toEqual(['> Why?', '']);
    expect(code).toBe(0);
    await stepping(skip, async (again) => {
      await again.shows('message.received] ');
      again.type('\u0003');
      expect((await again.done).code).toBe(130);
    });
  }));
