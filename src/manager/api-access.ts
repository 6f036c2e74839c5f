import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import {
  KubeClient,
  LeaderElection,
  type LeaseSettings,
  type RequestRecord,
  Transport,
} from '../kube/index.ts';

/** The name of the controller in managedFields and Events. */
export const FIELD_MANAGER = 'image-credential-binding';

/** The clients of the process, and the election that decides whether they may write. */
export class ApiAccess {
  /** Writes only while this process leads. */
  readonly client: KubeClient;
  /** Writes always. For objects that every replica may write, and whose versions decide which write counts. */
  readonly unfenced: KubeClient;
  readonly election: LeaderElection;
  readonly #transport: Transport;
  /** Separate, so that other requests never delay the renewal of the Lease. */
  readonly #leaseTransport: Transport;

  constructor(
    config: KubeConfig,
    options: {
      readonly lease: LeaseSettings;
      readonly log: Logger;
      readonly onRequest: (record: RequestRecord) => void;
    },
  ) {
    const { lease, log, onRequest } = options;
    const common = { fieldManager: FIELD_MANAGER, onRequest };
    this.#transport = new Transport(config);
    this.#leaseTransport = new Transport(config);
    const leaseClient = new KubeClient({ ...common, transport: this.#leaseTransport });
    this.election = new LeaderElection({ client: leaseClient, settings: lease, log });
    this.unfenced = new KubeClient({ ...common, transport: this.#transport });
    this.client = new KubeClient({
      ...common,
      transport: this.#transport,
      fence: () => this.election.assertLeading(),
    });
  }

  /** Closes the connections of the controllers, including those of running requests. */
  async cutOff(): Promise<void> {
    await this.#transport.close();
  }

  async close(): Promise<void> {
    await Promise.all([this.#transport.close(), this.#leaseTransport.close()]);
  }
}
