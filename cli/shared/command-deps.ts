import { stdout } from 'node:process';
import { styleText } from 'node:util';
import { createGatewayClient } from '../../client/http/gateway-client.ts';
import type { GatewayClient } from '../../client/http/gateway-client.ts';

/** The options that every command understands. */
export interface GlobalOptions {
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Dresses a text up for a terminal; gives it back unchanged where colours are not wanted. */
export type Paint = (format: 'dim' | 'bold' | 'cyan' | 'green' | 'red' | 'yellow', text: string) => string;

/** What a command works with. */
export interface CommandDeps {
  readonly client: GatewayClient;
  readonly url: string;
  readonly json: boolean;
  /** Whether a person watches the output: text is then shown as it comes. */
  readonly terminal: boolean;
  readonly paint: Paint;
  /** To standard output, with a line break. */
  print(line: string): void;
  /** To standard output as it is. */
  write(text: string): void;
  /** One JSON document. */
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
