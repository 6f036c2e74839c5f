/** A webhook that allows everything, in a process of its own: `no-op.ts FOLDER`, which holds `tls.crt` and `tls.key`. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const [folder = '.'] = process.argv.slice(2);
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

const server = createServer(
  { cert: read('tls.crt'), key: read('tls.key'), keepAliveTimeout: 120_000 },
  (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      // The API server sends an AdmissionReview.
      const review = JSON.parse(Buffer.concat(chunks).toString()) as {
        readonly apiVersion: string;
        readonly request: { readonly uid: string };
      };
      const { apiVersion } = review;
      const answer = {
        apiVersion,
        kind: 'AdmissionReview',
        response: { uid: review.request.uid, allowed: true },
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  },
);
server.listen(0, '127.0.0.1', () => {
  // A server that listens on a port has an AddressInfo.
  process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`);
});
