#!/usr/bin/env node
/**
 * Runs the command line on Node 24 or newer, which executes TypeScript itself: in this process when it is
 * one, else on the Node 24 that the lock file brings. Plain JavaScript, so that Node 20 can read it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = 24;
const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'cli', 'main.ts');

if (isNode() && Number.parseInt(process.versions.node, 10) >= NEEDED) {
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else {
  const node = pinnedNode();
  if (node === null) {
    console.error(
      `perdure: needs Node ${NEEDED}; this is ${process.version}. Run "npm ci", which brings it, or install Node ${NEEDED}.`,
    );
    process.exitCode = 1;
  } else run(node);
}

function isNode() {
  return process.versions.bun === undefined && process.versions.deno === undefined;
}

/** The program of the npm package `node`; null when it is not installed. */
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
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => {
    console.error(`perdure: ${node} cannot be run (${error.message}). Run "npm ci" again.`);
    process.exitCode = 1;
  });
  // A terminal gives its Ctrl-C to the child as well: then the launcher only waits for it.
  const fromTerminal = process.stdin.isTTY === true;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'])) {
    const isTyped = signal === 'SIGINT' || signal === 'SIGQUIT';
    process.on(signal, () => {
      if (!(isTyped && fromTerminal)) child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
}
