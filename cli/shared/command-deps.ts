import { stdout } from 'node:process';
import { styleText } from 'node:util';
import { createGatewayClient } from '../../client/http/gateway-client.ts';
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
  readonly json: boolean;
  /** Whether standard output is a terminal. Text is then shown as it arrives. */
  readonly terminal: boolean;
  readonly paint: Paint;
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes to standard output, without a line break. */
  write(text: string): void;
  /** Writes a JSON document to standard output. */
  printJson(value: unknown): void;
}

function write(text: string): void {
  stdout.write(text);
}

export function createCommandDeps(options: GlobalOptions, env: NodeJS.ProcessEnv): CommandDeps {
  const url =
    options.url ??
    env['PERDURE_URL'] ??
    `http://${env['PERDURE_HOST'] ?? '127.0.0.1'}:${env['PERDURE_PORT'] ?? '4747'}`;
  const user = options.user ?? env['PERDURE_USER'];
  return {
    client: createGatewayClient({ url, user, token: env['PERDURE_TOKEN'] }),
    url,
    json: options.json ?? false,
    terminal: stdout.isTTY,
    paint: (format, text) => styleText(format, text, { stream: stdout }),
    write,
    print: (line) => write(`${line}\n`),
    printJson: (value) => write(`${JSON.stringify(value, null, 2)}\n`),
  };
}
