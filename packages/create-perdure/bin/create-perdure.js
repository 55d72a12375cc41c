#!/usr/bin/env node
/** `npm create perdure [folder]`: runs `perdure init` of the version of Perdure that this package depends on. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const manifest = fileURLToPath(import.meta.resolve('perdure/package.json'));
const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
const perdure = join(dirname(manifest), bin.perdure);
const child = spawn(process.execPath, [perdure, 'init', ...process.argv.slice(2)], { stdio: 'inherit' });
child.on('exit', (code) => process.exit(code ?? 1));
