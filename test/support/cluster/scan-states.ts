import { StatusWriter } from '../../../hack/testenv/securecodebox/status.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { SCANS } from '../../../src/object/resources.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { adminConfig } from '../faults/index.ts';
import type { Cluster } from './cluster.ts';

/** Writes the states of Scans, as the operator of secureCodeBox does. */
export class ScanStates implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #writer: StatusWriter;

  constructor({ controlPlane }: Cluster) {
    this.#transport = new Transport(adminConfig(controlPlane));
    this.#writer = new StatusWriter(this.#transport, 'operator');
  }

  async set(scan: RawScan, state: string): Promise<void> {
    await this.#writer.merge(SCANS, scan, { state });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.close();
  }
}
