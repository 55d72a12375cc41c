#!/usr/bin/env node
/**
 * Runs the command line: the compiled one in an installed package, the sources in a checkout. In a checkout, an older Node
 * starts the Node 24 from `node_modules`. Plain JavaScript, so that old Node versions can parse it and print the
 * requirement.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** As in the field `engines` of package.json. */
const MIN_NODE = 24;
const SEMI_SPACE = '--max-semi-space-size';
const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));
const source = join(root, 'cli', 'main.ts');
const isCheckout = existsSync(source);
const main = isCheckout ? source : join(root, 'dist', 'cli', 'main.js');

if (isNode() && Number.parseInt(process.versions.node, 10) >= MIN_NODE) {
  limitMemory();
  process.argv[1] = main;
  if (isCheckout) resolveOwnName();
  // Compiling takes half of the time of loading. Without a folder that can be written, it is done at each start.
  module.enableCompileCache(join(cacheFolder(), 'compiled'));
  await import(pathToFileURL(main).href);
} else {
  const node = isCheckout ? pinnedNode() : null;
  if (node !== null) run(node);
  else {
    const remedy = isCheckout ? 'Run "npm ci", which installs it, or get it' : 'Install it';
    console.error(
      `perdure needs Node ${MIN_NODE} or newer; this is ${process.version}. ${remedy} from https://nodejs.org.`,
    );
    process.exitCode = 1;
  }
}

function isNode() {
  return process.versions.bun === undefined && process.versions.deno === undefined;
}

/**
 * Starts a server again with two of glibc's memory arenas instead of eight for each processor, and with 8 MB of V8's new objects instead
 * of 16 in each half of their space. Threads of the runtime and of Temporal's SDK free memory that their arenas keep: about 200 MB of a
 * busy worker; the new objects of the main and the workflow thread take another 70 MB. Both are read when a process begins.
 */
function limitMemory() {
  const command = process.argv.slice(2).find((argument) => !argument.startsWith('-')) ?? '';
  const isServer = ['start', 'worker', 'gateway'].includes(command);
  const isSet = process.env.MALLOC_ARENA_MAX !== undefined || process.platform !== 'linux';
  // A process with a channel to its parent would lose it.
  if (!isServer || isSet || process.send !== undefined || process.execve === undefined) return;
  const isSpaceSet = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((text) => text.includes(SEMI_SPACE));
  const flags = isSpaceSet ? process.execArgv : [...process.execArgv, `${SEMI_SPACE}=8`];
  const argv = [process.execPath, ...flags, self, ...process.argv.slice(2)];
  process.execve(process.execPath, argv, { ...process.env, MALLOC_ARENA_MAX: '2' });
}

/** As `assets/package-files.ts`, which old Node versions cannot import. */
function cacheFolder() {
  return process.env.PERDURE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'perdure');
}

/** In a checkout, resolves imports of `perdure` and `perdure/…` to the sources, so that no build is needed. */
function resolveOwnName() {
  module.registerHooks({
    resolve(specifier, context, next) {
      const own = /^perdure(?:\/(\w+))?$/.exec(specifier);
      if (own === null) return next(specifier, context);
      return next(pathToFileURL(join(root, own[1] ?? 'client', 'index.ts')).href, context);
    },
  });
}

/** Returns the path of the npm package `node`'s executable; null if it is not installed. */
function pinnedNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const path = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

/** @param {string} node */
function run(node) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => {
    console.error(`perdure: ${node} cannot be run (${error.message}). Run "npm ci" again.`);
    process.exitCode = 1;
  });
  // A terminal sends Ctrl-C to the child too, so it is not forwarded.
  const fromTerminal = process.stdin.isTTY;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'])) {
    const isTyped = signal === 'SIGINT' || signal === 'SIGQUIT';
    process.on(signal, () => {
      if (!(isTyped && fromTerminal)) child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
}
