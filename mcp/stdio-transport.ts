import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  deserializeMessage,
  serializeMessage,
  type JSONRPCMessage,
  type Transport,
} from '@modelcontextprotocol/client';
import { LIMITS } from '../contracts/limits.ts';
import type { McpServerSettings } from '../contracts/mcp/mcp-server.ts';
import { baseEnv } from '../dev-server/child-env.ts';
import { LineSplitter } from './line-splitter.ts';

/** The most of what a server writes to its standard error that is kept. */
const STDERR_CHARACTERS = 2_000;
/** How long the rest of the standard error is waited for when the process has exited: one that it has left behind may hold it open. */
const STDERR_MS = 200;
/** Between the end of its input, SIGTERM and SIGKILL. */
const GRACE_MS = 1_000;

/**
 * The connection to a server that the worker starts as a process of a group of its own. The SDK's transport starts it in the
 * worker's group, where an interrupt from the terminal would end the server before the worker, and gives it no end of its own
 * children. A worker that is killed closes the server's input, which is how MCP servers are told to end.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  /** With `pid`, what the client recognises the transport by. */
  readonly stderr = null;
  readonly #settings: McpServerSettings;
  readonly #env: Readonly<Record<string, string>>;
  readonly #lines = new LineSplitter(LIMITS.mcpMessageBytes.value);
  #child: ChildProcessWithoutNullStreams | null = null;
  #errors = '';
  #exit: string | null = null;
  /** Resolves when the process has ended and what it has written is read. */
  readonly #ended = Promise.withResolvers<void>();

  /** `env`: what the program gets besides the basic variables. */
  constructor(settings: McpServerSettings, env: Readonly<Record<string, string>>) {
    this.#settings = settings;
    this.#env = env;
  }

  /** Whether the server was ended because it has sent a message that is too large. */
  get isTooLarge(): boolean {
    return this.#lines.isTooLong;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** How the process ended; null while it is running. */
  get exit(): string | null {
    return this.#exit;
  }

  /** The end of what the server has written to its standard error. It may contain anything, so it is shown to operators only. */
  get errors(): string {
    return this.#errors;
  }

  async start(): Promise<void> {
    const { command = '', args = [], cwd } = this.#settings;
    const child = spawn(command, args, {
      env: { ...baseEnv(process.env), ...this.#env },
      stdio: 'pipe',
      detached: process.platform !== 'win32',
      windowsHide: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#child = child;
    child.stdin.on('error', (error) => this.onerror?.(error));
    child.stdout.on('data', (chunk: Buffer) => this.#receive(chunk));
    child.stdout.on('error', (error) => this.onerror?.(error));
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-STDERR_CHARACTERS);
    });
    // `exit`, not `close`: a process that the server has left behind may hold its output open.
    child.once('exit', (code, signal) => {
      this.#exit = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
      signalGroup(child, 'SIGKILL');
      child.stdout.destroy();
      // The last lines that it has written explain why it ended.
      void Promise.race([finished(child.stderr), delay(STDERR_MS)])
        .catch(() => {})
        .then(() => this.#ended.resolve());
    });
    void this.#ended.promise.then(() => this.onclose?.());
    await once(child, 'spawn');
    child.on('error', (error) => this.onerror?.(error));
  }

  send(message: JSONRPCMessage): Promise<void> {
    const child = this.#child;
    if (child === null) return Promise.reject(new Error('The process is not running.'));
    return new Promise((resolve, reject) => {
      // Its last lines are read before a failure is described by them.
      const fail = (error: Error) =>
        void Promise.race([this.#ended.promise, delay(STDERR_MS)]).then(() => reject(error));
      if (this.#exit !== null) return fail(new Error('The process is not running.'));
      child.stdin.write(serializeMessage(message), (error) => {
        if (error) fail(error);
        else resolve();
      });
    });
  }

  /** Ends the process and those that it has started. Resolves when it has exited. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || this.#exit !== null) return;
    const exited = once(child, 'exit');
    child.stdin.end();
    const timers = [
      setTimeout(() => signalGroup(child, 'SIGTERM'), GRACE_MS),
      setTimeout(() => signalGroup(child, 'SIGKILL'), 2 * GRACE_MS),
    ];
    await exited.finally(() => {
      for (const timer of timers) clearTimeout(timer);
    });
  }

  #receive(chunk: Buffer): void {
    for (const line of this.#lines.add(chunk)) {
      try {
        this.onmessage?.(deserializeMessage(line));
      } catch (error) {
        // A line that is no message of the protocol.
        this.onerror?.(error as Error);
      }
    }
    if (this.#lines.isTooLong && this.#child) signalGroup(this.#child, 'SIGKILL');
  }
}

function signalGroup({ pid }: { readonly pid?: number | undefined }, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // It has exited.
  }
}
