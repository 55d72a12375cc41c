import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { McpServerSettings } from '../../../contracts/mcp/mcp-server.ts';

const require = createRequire(import.meta.url);
const ODD = fileURLToPath(new URL('./stdio-server.ts', import.meta.url));
const ASKING = fileURLToPath(new URL('./asking-server.ts', import.meta.url));
export const EVERYTHING = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
const FILESYSTEM = require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js');
export const LOOPBACK = new URL('./listen-on-loopback.ts', import.meta.url).href;

/** The server of files of the protocol's makers, for a folder. */
export function fileServer(folder: string): McpServerSettings {
  return { command: process.execPath, args: [FILESYSTEM, folder] };
}

/** Their server that has one tool of each kind. */
export function everythingServer(): McpServerSettings {
  return { command: process.execPath, args: [EVERYTHING, 'stdio'] };
}

/** A server whose tools ask the user, by the protocol's own SDK, of one of its generations. It writes what it does to the file `effects`. */
export function askingServer(effects: string, generation: '2025' | '2026'): McpServerSettings {
  return { command: process.execPath, args: [ASKING, effects, generation] };
}

/** A server of this project that behaves as `mode` says. */
export function oddServer(mode: string, settings: Omit<McpServerSettings, 'command'> = {}): McpServerSettings {
  return { command: process.execPath, args: [ODD, mode], ...settings };
}
