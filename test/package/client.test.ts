import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installProject, typeCheck, type InstalledProject } from './installed.ts';

let project: InstalledProject;

beforeAll(async () => {
  project = await installProject('client-backend', ['perdure-client'], ['@types/node@24']);
});
afterAll(() => project?.[Symbol.asyncDispose]());

test('the client installs no native worker, store, model client or Temporal package', () => {
  expect(project.installed).toContain('eventsource-parser');
  expect(
    project.installed.filter((name) => /^(@temporalio|@electric-sql|@swc|openai|pg|hono|undici$)/.test(name)),
  ).toEqual([]);
  expect(project.installed.length).toBeLessThan(10);
});

test('a backend in TypeScript compiles against the client', async () => {
  // The declarations refer to types of Temporal's client, which is not installed.
  expect(await typeCheck(project.folder, ['backend.ts'], { skipLibCheck: true })).toBe('');
});

test('the client can be imported where Temporal is not installed', async () => {
  const code = `console.log(Object.keys(await import('perdure-client')).join(' '))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: project.folder,
  });
  expect(stdout).toMatch(/\bcreatePerdure\b/);
});
