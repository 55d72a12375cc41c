import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Problem } from '../../contracts/problem.ts';

/** Rejections of Node's parser that have a status of their own; all others are 400. */
const STATUS: Readonly<Record<string, 408 | 431>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

const DETAIL = {
  400: 'The request is not valid HTTP/1.1. Check its request line, headers and framing.',
  408: 'The request was not received in time. Send it faster, or in smaller parts.',
  431: 'The address and the headers of a request may have 16 KiB together. Shorten them.',
} as const;

/** Answers requests that Node's parser rejects, before any route, with a problem response. */
export function answerMalformedRequests(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = STATUS[error.code ?? ''] ?? 400;
    const body = JSON.stringify(problem(status));
    socket.end(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Connection: close',
        'Content-Type: application/problem+json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
    );
  });
}

function problem(status: keyof typeof DETAIL): Problem {
  return {
    type: 'urn:perdure:problem:invalid_request',
    title: 'The request is not valid',
    status,
    code: 'invalid_request',
    detail: DETAIL[status],
    requestId: randomUUID(),
  };
}
