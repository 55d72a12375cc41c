import { createInterface } from 'node:readline';

/*
 * An MCP server over stdio that follows no rules: `node stdio-server.ts MODE`. It has one tool, `act`, unless the mode says
 * otherwise, and answers as a server of the protocol version 2025-06-18.
 */
const [mode = 'plain'] = process.argv.slice(2);
const ACT = { name: 'act', description: 'Acts.', inputSchema: { type: 'object', properties: {} } };

type Id = string | number;

const QUESTION = JSON.parse(
  process.env['QUESTION'] ?? '{"message":"Sure?","requestedSchema":{"type":"object","properties":{}}}',
) as object;

let asked: Id | null = null;
/** Grows with each call. */
let edition = 1;

function write(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function tools(cursor: string | undefined): object {
  switch (mode) {
    case 'endless':
      return { tools: [{ ...ACT, name: `act-${cursor ?? 0}` }], nextCursor: String(Number(cursor ?? 0) + 1) };
    case 'crowd':
      return { tools: Array.from({ length: 300 }, (_, at) => ({ ...ACT, name: `act-${at}` })) };
    case 'odd':
      return {
        tools: [
          { ...ACT, name: 'räume/öffnen.jetzt' },
          { ...ACT, name: 'räume.öffnen/jetzt' },
          { ...ACT, name: '' },
          { ...ACT, name: 'x'.repeat(100), description: 'd'.repeat(10_000) },
          { ...ACT, name: 'text', inputSchema: { type: 'string' } },
          { ...ACT, name: 'none', inputSchema: null },
          { ...ACT, name: 'huge', inputSchema: { type: 'object', description: 'h'.repeat(100_000) } },
          { ...ACT, name: 'deep', inputSchema: { type: 'object', properties: nested(500) } },
          { ...ACT, name: 'act' },
          { ...ACT, name: 'act' },
          null,
          'tool',
        ],
      };
    case 'secretive':
      return { tools: [{ ...ACT, description: `The token is ${process.env['TOKEN'] ?? 'unset'}.` }] };
    case 'renewed':
      return { tools: [{ ...ACT, description: `Acts, edition ${edition}.` }] };
    default:
      return { tools: [ACT] };
  }
}

function nested(levels: number): object {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}

const text = (content: string): object => ({ content: [{ type: 'text', text: content }] });

function call(id: Id, progressToken: Id | undefined): void {
  switch (mode) {
    case 'renewed':
      edition += 1;
      write({ id, result: text('acted') });
      write({ method: 'notifications/tools/list_changed' });
      return;
    case 'pid':
      write({ id, result: text(String(process.pid)) });
      return;
    case 'hanging':
      return;
    case 'dying':
      process.exit(3);
    case 'huge':
      write({ id, result: text('x'.repeat(100 * 1024 * 1024)) });
      return;
    case 'long':
      write({ id, result: text('long '.repeat(40_000)) });
      return;
    case 'flood':
      for (let progress = 1; progress <= 20_000; progress++) {
        write({ method: 'notifications/progress', params: { progressToken, progress, message: 'm'.repeat(2_000) } });
      }
      write({ id, result: text('done') });
      return;
    case 'invalid':
      write({ id, result: { content: 'text' } });
      return;
    case 'secretive':
      write({ id, result: text(`${process.env['TOKEN'] ?? 'unset'} ${Object.keys(process.env).toSorted().join()}`) });
      return;
    case 'asking':
      write({ id: 'ask', method: 'elicitation/create', params: QUESTION });
      asked = id;
      return;
    case 'late':
      // Asks without a call, and writes what it is told to its standard error.
      write({ id, result: text('acted') });
      setTimeout(() => write({ id: 'ask', method: 'elicitation/create', params: QUESTION }), 200);
      return;
    default:
      write({ id, result: text('acted') });
  }
}

if (mode === 'silent') setInterval(() => {}, 1_000);
else if (mode === 'refusing') process.exit(7);
else {
  if (mode === 'garbage') process.stdout.write('Listening on port 1\n{"a":1}\n\u0000\u0001\n[]\n');
  createInterface({ input: process.stdin }).on('line', (line) => {
    const message = JSON.parse(line) as {
      id?: Id;
      method?: string;
      result?: object;
      error?: { message: string };
      params?: { cursor?: string; _meta?: { progressToken?: Id } };
    };
    const { id, method, params } = message;
    if (mode === 'late' && id === 'ask') process.stderr.write(`told: ${JSON.stringify(message.result)}`);
    if (method === undefined && id === 'ask' && asked !== null) {
      write({ id: asked, result: text(`refused: ${message.error?.message ?? ''}`) });
    }
    if (id === undefined) return;
    if (method === 'server/discover' && mode === 'strict') process.exit(1);
    if (method === 'initialize') {
      write({
        id,
        result: {
          protocolVersion: '2025-06-18',
          capabilities: { tools: { listChanged: mode === 'renewed' } },
          serverInfo: { name: `test-${mode}`, version: '1.0.0' },
        },
      });
    } else if (method === 'tools/list') write({ id, result: tools(params?.cursor) });
    else if (method === 'tools/call') call(id, params?._meta?.progressToken);
    else if (method !== undefined) write({ id, error: { code: -32_601, message: 'Method not found' } });
  });
}
