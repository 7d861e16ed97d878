import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { problemBody, PROBLEM_JSON } from '../errors/problem.filter.js';
import { malformed } from '../errors/platform.errors.js';

/** Answers what Node itself cannot read as HTTP (and so no middleware sees) with problem+json, and hangs up. */
export function answerUnreadableRequests(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf(error.code);
  const body = JSON.stringify({
    ...problemBody(
      malformed('The request is not well-formed HTTP, is too slow, or its headers are too large.'),
      '',
      randomUUID(),
    ),
    status,
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: ${PROBLEM_JSON}; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function statusOf(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return 400;
}
