import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { NextFunction, Request, Response } from 'express';
import { problemBody, PROBLEM_JSON } from '../errors/problem.filter.js';
import { malformed } from '../errors/platform.errors.js';

/** Takes over what Node would refuse with an empty answer of its own, so that it leaves as problem+json too. */
export function takeOverRefusals(server: Server): void {
  server.on('clientError', answerUnreadableRequests);
  // An Expect that is not understood may be ignored (RFC 9110, 10.1.1).
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  Object.assign(server, { requireHostHeader: false }); // requireHost does it
}

export function requireHost(request: Request, _response: Response, next: NextFunction): void {
  if (request.httpVersion === '1.1' && request.headers.host === undefined) throw malformed('The Host header is missing.');
  if ((request.headersDistinct['host']?.length ?? 0) > 1) throw malformed('There are several Host headers.');
  next();
}

/** How long a refused client has to hang up too. One that means ill would never, and keep the connection half open. */
const LINGER_MS = 1_000;

/** Answers what Node itself cannot read as HTTP (and so no middleware sees) with problem+json, and hangs up. */
function answerUnreadableRequests(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf(error.code);
  const requestId = randomUUID();
  const body = JSON.stringify({
    ...problemBody(malformed('The request is not well-formed HTTP, is too slow, or its headers are too large.'), '', requestId),
    status,
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nX-Request-Id: ${requestId}\r\nContent-Type: ${PROBLEM_JSON}; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

function statusOf(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return 400;
}
