#!/usr/bin/env node
/**
 * Runs the command line: the compiled one in an installed package, the sources in a checkout. In a checkout, an older Node
 * starts the Node 24 from `node_modules`. Plain JavaScript, so that old Node versions can parse it and print the
 * requirement.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** As in the field `engines` of package.json. */
const MIN_NODE = 24;
const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));
const source = join(root, 'cli', 'main.ts');
const isCheckout = existsSync(source);
const main = isCheckout ? source : join(root, 'dist', 'cli', 'main.js');

if (isNode() && Number.parseInt(process.versions.node, 10) >= MIN_NODE) {
  process.argv[1] = main;
  if (isCheckout) resolveOwnName();
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
