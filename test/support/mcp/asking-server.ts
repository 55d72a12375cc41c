import { appendFileSync } from 'node:fs';
import { acceptedContent, inputRequired, inputResponse, McpServer } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

/*
 * A server over stdio with the protocol's own SDK: `node asking-server.ts EFFECTS GENERATION`. Its tools ask the user, in the results of calls or,
 * as a server of the generation `2025`, over the open call. They write what they do to the file EFFECTS.
 */
const [effects = '', generation = '2026'] = process.argv.slice(2);
const seatSchema = z.object({ row: z.number().int().min(1).max(40), window: z.boolean() });
const sureSchema = z.object({ sure: z.boolean() });

const note = (did: object): void => appendFileSync(effects, `${JSON.stringify({ pid: process.pid, ...did })}\n`);
const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });
const form = (message: string, requestedSchema: z.ZodObject) => inputRequired.elicit({ message, requestedSchema });

/** Two rounds: the seat, then whether the user is sure. */
const book = async (_: unknown, { mcpReq }: { mcpReq: { inputResponses?: never; requestState: () => unknown } }) => {
  const given = inputResponse(mcpReq.inputResponses, 'seat');
  const state = mcpReq.requestState();
  if (given.kind === 'elicit' && given.action !== 'accept') return text(`the user said ${given.action}`);
  const seat = acceptedContent(mcpReq.inputResponses, 'seat', seatSchema);
  const sure = acceptedContent(mcpReq.inputResponses, 'sure', sureSchema);
  note({ leg: true, seat, sure, state });
  if (sure) {
    note({ booked: state });
    return text(`booked ${String(state)}: ${sure.sure}`);
  }
  if (seat) {
    return inputRequired({
      inputRequests: { sure: form(`Row ${seat.row}?`, sureSchema) },
      requestState: JSON.stringify(seat),
    });
  }
  return inputRequired({ inputRequests: { seat: form('Which seat?', seatSchema) }, requestState: 'first' });
};

function createServer(): McpServer {
  const server = new McpServer({ name: 'asking', version: '1.0.0' });
  const register = (name: string, annotations: object, handler: Parameters<typeof server.registerTool>[2]): void =>
    void server.registerTool(
      name,
      { description: `Does ${name}.`, annotations, inputSchema: z.object({}) },
      handler as never,
    );

  register('book', { destructiveHint: false }, book as never);
  register('reserve', { destructiveHint: false, idempotentHint: true }, book as never);
  return server;
}

if (generation === '2025') await createServer().connect(new StdioServerTransport());
else serveStdio(createServer);
