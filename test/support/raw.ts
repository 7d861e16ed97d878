import { connect } from 'node:net';
import { ADMIN } from './api-keys.js';
import type { Reply } from './client.js';

export interface RawReply extends Reply {
  /** The body as it came. */
  text: string;
}

/** Sends these bytes to the server, whatever they are, and reads its answer until it hangs up. */
export async function sendRaw(url: string, bytes: string | Buffer): Promise<RawReply> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
  } catch (error) {
    // The server may reset the connection after its answer when it left a part of the request unread.
    if (chunks.length === 0) throw error;
  }
  return parse(Buffer.concat(chunks).toString('utf8'));
}

/** A request whose header lines are sent as they are: repeated, empty, in latin1. Of the admin, unless one is `Authorization`. */
export function rawRequest(url: string, start: string, headerLines: string[], body = ''): Promise<RawReply> {
  const isAuthorized = headerLines.some((line) => /^authorization:/i.test(line));
  const lines = [
    `${start} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...(isAuthorized ? [] : [`Authorization: Bearer ${ADMIN.key}`]),
    ...headerLines,
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  const head = [...lines, '', ''].join('\r\n');
  return sendRaw(url, Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]));
}

function parse(answer: string): RawReply {
  const end = answer.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = answer.slice(0, end).split('\r\n');
  const headers = new Headers(
    lines.map((line): [string, string] => [line.split(':', 1)[0]!, line.slice(line.indexOf(':') + 1).trim()]),
  );
  const text = answer.slice(end + 4);
  return { status: Number(statusLine.split(' ')[1]), headers, text, body: text === '' ? undefined : JSON.parse(text) };
}
