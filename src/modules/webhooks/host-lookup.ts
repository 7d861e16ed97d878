import { lookup, type LookupAddress } from 'node:dns';
import { Injectable } from '@nestjs/common';

/** Asks for all addresses of a host, as the operating system does. */
@Injectable()
export class HostLookup {
  all: (host: string, answer: (error: Error | null, addresses: LookupAddress[]) => void) => void = (host, answer) =>
    lookup(host, { all: true }, answer);
}
