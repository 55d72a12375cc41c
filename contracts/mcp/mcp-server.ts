import { z } from 'zod';
import { environmentRefSchema, environmentVariableSchema, headersSchema } from '../environment-value.ts';
import { LIMITS } from '../limits.ts';

/** The name of an MCP server. */
export const mcpServerNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'must be 1 to 32 letters, digits, "_" or "-", such as docs');

const argument = z
  .string()
  .max(8_000)
  .refine((text) => !text.includes('\0'), 'must not contain NUL');

/** Names of headers and variables whose values are secrets. Settings are stored with the versions of agents, and shown. */
const SECRET = /authorization|cookie|token|secret|passw|credential|api[-_]?key/i;

/** Where an MCP server is, and how it is called: `url` for streamable HTTP, `command` for a process that the worker starts. */
export const mcpServerSchema = z
  .strictObject({
    /** The URL of a server with the streamable HTTP transport. */
    url: z
      .string()
      .max(2_000)
      .refine((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ''), 'must be an http or https URL')
      .refine((url) => {
        const parsed = URL.parse(url);
        return !parsed?.username && !parsed?.password;
      }, 'must have no user or password; put the credential into `headers`, as { env: NAME }')
      .optional(),
    /** Headers of every request. */
    headers: headersSchema.optional(),
    /** Whether the name in `url` may resolve to an address that is not public. An address, and `localhost`, need no permission. Default false. */
    privateNetwork: z.boolean().optional(),
    /** The program of a server with the stdio transport, which each worker starts. */
    command: argument.min(1).optional(),
    args: z.array(argument).max(100).optional(),
    /** Environment variables of the program, besides the basic ones such as `PATH` and `HOME`. */
    env: z.record(environmentVariableSchema, z.union([argument, environmentRefSchema])).optional(),
    /** The folder in which the program is started. Default: the worker's. */
    cwd: argument.min(1).optional(),
    /** Timeout of one attempt of a tool call. Default 60,000 ms. */
    timeoutMs: z
      .number()
      .int()
      .min(100)
      .max(24 * 3_600_000)
      .optional(),
    /** Timeout of a connection, the start of a process included. Default 20,000 ms. */
    connectTimeoutMs: z.number().int().min(100).max(300_000).optional(),
  })
  .check(({ value, issues }) => {
    const report = (message: string, path: string[] = []): void =>
      void issues.push({ code: 'custom', message, path, input: value });
    const { url, command, headers = {}, env = {} } = value;
    for (const [field, values] of Object.entries({ headers, env })) {
      for (const [name, given] of Object.entries(values)) {
        if (typeof given === 'string' && SECRET.test(name))
          report('is a secret by its name; set { env: NAME }, the environment variable that holds it', [field, name]);
      }
    }
    if (url === undefined && command === undefined) report('needs `url`, or `command` with `args`');
    if (url !== undefined && command !== undefined) report('has `url` and `command`; remove one of them');
    const unused = command === undefined ? (['args', 'env', 'cwd'] as const) : (['headers', 'privateNetwork'] as const);
    for (const field of unused) {
      if (value[field] !== undefined)
        report(`has no effect without \`${command === undefined ? 'command' : 'url'}\`; remove this field`, [field]);
    }
  });
export type McpServerSettings = z.infer<typeof mcpServerSchema>;

/** MCP servers by name. */
export const mcpServersSchema = z
  .record(mcpServerNameSchema, mcpServerSchema)
  .refine(
    (servers) => Object.keys(servers).length <= LIMITS.mcpServers.value,
    `must have at most ${LIMITS.mcpServers.value} servers`,
  );
