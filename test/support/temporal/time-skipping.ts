import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cacheFolder } from '../../../assets/package-files.ts';
import { findProgram } from '../../../dev-server/find-program.ts';
import { anyPort, isFree } from '../../../dev-server/ports.ts';

const run = promisify(execFile);
const POM = join(import.meta.dirname, 'time-skipping', 'pom.xml');
const MIN_JAVA = 17;
const WRAPPER = `#!/bin/sh
here="$(dirname "$0")"
[ -e "$here/classes.jsa" ] && shared="-XX:SharedArchiveFile=$here/classes.jsa"
exec java $shared -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$here/lib/*" io.temporal.testserver.TestServer "$@"
`;

/** `path`: an executable for `TestWorkflowEnvironment.createTimeSkipping({server: {executable: {type: 'existing-path', path}}})`. */
export type TimeSkippingServer = { readonly path: string } | { readonly unavailable: string };

/**
 * Provides Temporal's time-skipping test server, fetched once from Maven Central and cached. Returns the reason for
 * `ctx.skip(reason)` if the machine has no Java 17, no Maven, or no access to Maven Central.
 */
export async function timeSkippingServer(): Promise<TimeSkippingServer> {
  const java = findProgram('java', process.env);
  if (java === null) return { unavailable: 'no Java on the PATH' };
  const version = await javaVersion(java);
  if (version < MIN_JAVA) return { unavailable: `Java ${version} is older than ${MIN_JAVA}` };
  const folder = join(cacheFolder(process.env), 'test-server', await testServerVersion());
  const path = join(folder, 'temporal-test-server');
  if (await exists(path)) return { path };
  const maven = findProgram('mvn', process.env);
  if (maven === null) return { unavailable: 'no Maven ("mvn") on the PATH to fetch the time-skipping server' };
  try {
    await fetchInto(folder, maven);
    return { path };
  } catch (error) {
    return { unavailable: `Maven could not fetch the time-skipping server: ${firstLine(error)}` };
  }
}

async function fetchInto(folder: string, maven: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(`${folder}-`);
  try {
    await copyFile(POM, join(work, 'pom.xml'));
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(work, 'lib')}`];
    await run(maven, ['-q', '-B', ...goal], { cwd: work, timeout: 300_000 });
    await writeFile(join(work, 'temporal-test-server'), WRAPPER, { mode: 0o755 });
    await rename(work, folder);
    await archiveClasses(folder);
  } catch (error) {
    // Another process has fetched the same server.
    if (!(await exists(join(folder, 'temporal-test-server')))) throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Creates Java's class-data archive, with which the server starts in 0.3 s instead of 1.5 s: on a busy machine it could
 * otherwise exceed the SDK's limit of 5 s. Java writes the archive when the server exits; it is valid for this path only.
 */
async function archiveClasses(folder: string): Promise<void> {
  const port = await anyPort();
  const server = spawn(join(folder, 'temporal-test-server'), [String(port)], {
    env: { ...process.env, JAVA_TOOL_OPTIONS: `-XX:ArchiveClassesAtExit=${join(folder, 'classes.jsa')}` },
    stdio: 'ignore',
  });
  const exited = once(server, 'exit');
  while (server.exitCode === null && (await isFree(port))) await delay(50);
  server.kill();
  await exited;
}

async function testServerVersion(): Promise<string> {
  const match = /<artifactId>temporal-test-server<\/artifactId>\s*<version>([^<]+)</.exec(await readFile(POM, 'utf8'));
  if (!match?.[1]) throw new Error(`${POM} does not name a version of temporal-test-server.`);
  return match[1];
}

/** Java's major version; 0 if it does not run: on macOS `java` may be a placeholder. */
async function javaVersion(java: string): Promise<number> {
  try {
    const { stderr } = await run(java, ['-version']);
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
