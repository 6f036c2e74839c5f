import { InvalidArgumentError } from 'commander';

/** An address to listen on. `host` undefined: all addresses. `port` 0: any free port. */
export interface Address {
  readonly host: string | undefined;
  readonly port: number;
}

/** Parses `host:port`, `:port` or `[IPv6]:port`. */
export function parseAddress(text: string): Address {
  const match = /^(?<host>|[^:[\]]+|\[[0-9a-fA-F:.]+\]):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.['port']);
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError('Expected host:port, :port or [IPv6]:port, with a port of at most 65535.');
  }
  const host = match.groups?.['host']?.replace(/^\[|\]$/g, '') ?? '';
  return { host: host === '' ? undefined : host, port };
}
