/**
 * Stands in for name servers, because getaddrinfo reads the configuration of the machine. `localhost` is looked up for
 * real. A name of the zone `silent.example` keeps a thread of libuv's pool busy until the resolver gives up, as
 * getaddrinfo does when no name server answers. No other name exists, so that no request leaves the machine.
 *
 * The thread is really busy: it opens the FIFO named by ICB_SILENT_FIFO. The test opens the other end when the resolver is to
 * give up (`SilentZone`).
 */
import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { close, open } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isIP } from 'node:net';

type Callback = (error: NodeJS.ErrnoException | null, address?: LookupAddress[]) => void;

const fifo = process.env['ICB_SILENT_FIFO'] ?? '';

function isReal(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname) !== 0;
}

function standIn(hostname: string, callback: Callback): void {
  if (!hostname.endsWith('.silent.example')) {
    process.nextTick(callback, failure(hostname, 'ENOTFOUND'));
    return;
  }
  open(fifo, 'r', (_, descriptor) => {
    close(descriptor);
    callback(failure(hostname, 'EAI_AGAIN'));
  });
}

function failure(hostname: string, code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), {
    code,
    syscall: 'getaddrinfo',
    hostname,
  });
}

dns.lookup = new Proxy(dns.lookup, {
  apply(real, self, args: [string, ...unknown[], Callback]) {
    const [hostname] = args;
    // The callback is the last argument, whether options are given or not.
    if (isReal(hostname)) Reflect.apply(real, self, args);
    else standIn(hostname, args.at(-1) as Callback);
  },
});
dns.promises.lookup = new Proxy(dns.promises.lookup, {
  async apply(real, self, args: [string, LookupOptions?]): Promise<unknown> {
    const [hostname] = args;
    if (isReal(hostname)) return Reflect.apply(real, self, args);
    const { promise, reject } = Promise.withResolvers<never>();
    standIn(hostname, reject);
    return promise;
  },
});
syncBuiltinESMExports();
