import { stdout } from 'node:process';
import { styleText } from 'node:util';
import { createGatewayClient } from '../../client/http/gateway-client.ts';
import { runnableHints } from './runnable-hints.ts';
import type { GatewayClient } from '../../client/http/gateway-client.ts';

/** The options of every command. */
export interface GlobalOptions {
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Styles a text for a terminal; returns it unchanged where colours are off. */
export type Paint = (format: 'dim' | 'bold' | 'cyan' | 'green' | 'red' | 'yellow', text: string) => string;

/** What every command depends on: the gateway, and standard output. */
export interface CommandDeps {
  readonly client: GatewayClient;
  readonly url: string;
  /** The user whose sessions are meant, where an operator named one. */
  readonly of: string | undefined;
  readonly json: boolean;
  /** Whether standard output is a terminal. Text is then shown as it arrives. */
  readonly terminal: boolean;
  readonly paint: Paint;
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes a line with a command to run next, as it can be pasted here. */
  hint(line: string): void;
  /** Writes to standard output, without a line break. */
  write(text: string): void;
  /** Writes a JSON document to standard output. */
  printJson(value: unknown): void;
}

function write(text: string): void {
  stdout.write(text);
}

/** Creates the dependencies of a command, for sessions of another user where `owner` names one. */
export type CreateDeps = (owner?: OwnerOption) => CommandDeps;

/** Options of commands with which operators act on sessions of another user. */
export interface OwnerOption {
  readonly of?: string | undefined;
}

/** The host in a URL: an IPv6 address needs brackets. */
function hostOf(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** Where the gateway is, and for whom it is called. */
export function gatewayOptionsOf(options: Pick<GlobalOptions, 'url' | 'user'>, env: NodeJS.ProcessEnv) {
  const host = hostOf(env['PERDURE_HOST'] || '127.0.0.1');
  return {
    url: options.url ?? (env['PERDURE_URL'] || `http://${host}:${env['PERDURE_PORT'] || '4747'}`),
    user: options.user ?? (env['PERDURE_USER'] || undefined),
    token: env['PERDURE_TOKEN'] || undefined,
  };
}

export function createCommandDeps(
  options: GlobalOptions,
  env: NodeJS.ProcessEnv,
  { of }: OwnerOption = {},
): CommandDeps {
  const gateway = gatewayOptionsOf(options, env);
  return {
    client: createGatewayClient({ ...gateway, of }),
    url: gateway.url,
    of,
    json: options.json ?? false,
    terminal: stdout.isTTY,
    paint: (format, text) => styleText(format, text, { stream: stdout }),
    write,
    print: (line) => write(`${line}\n`),
    hint: (line) => write(`${runnableHints(line, env)}\n`),
    printJson: (value) => write(`${JSON.stringify(value, null, 2)}\n`),
  };
}
