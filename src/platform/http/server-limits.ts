import type { Server } from 'node:http';
import type { Environment } from '../config/environment.js';

export type ServerLimits = Pick<
  Environment,
  | 'HTTP_HEADERS_TIMEOUT_MS'
  | 'HTTP_REQUEST_TIMEOUT_MS'
  | 'HTTP_KEEP_ALIVE_TIMEOUT_MS'
  | 'HTTP_STALL_TIMEOUT_MS'
  | 'HTTP_CONNECTIONS_MAX'
  | 'HTTP_REQUESTS_PER_CONNECTION_MAX'
>;

/** How often connections are looked at: a slow client is cut off at most that much later than its time-out says. */
const CHECK_INTERVAL_MS = 1_000;

/** Bounds what one connection can take, so that clients that are slow, on purpose or not, do not keep others out. */
export function limitServer(server: Server, limits: ServerLimits): void {
  server.headersTimeout = limits.HTTP_HEADERS_TIMEOUT_MS;
  server.requestTimeout = limits.HTTP_REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = limits.HTTP_KEEP_ALIVE_TIMEOUT_MS;
  server.timeout = limits.HTTP_STALL_TIMEOUT_MS;
  server.maxConnections = limits.HTTP_CONNECTIONS_MAX;
  server.maxRequestsPerSocket = limits.HTTP_REQUESTS_PER_CONNECTION_MAX;
  // Read when the server begins to listen; Node has no setter for it.
  Object.assign(server, { connectionsCheckingInterval: CHECK_INTERVAL_MS });
}
