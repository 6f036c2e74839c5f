/** The audit log of the control plane: what it records, and how it is read. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';

/** One line of the audit log, as far as tests read it (audit.k8s.io/v1, Event). */
export interface AuditEvent {
  readonly auditID: string;
  readonly level: 'Metadata' | 'Request' | 'RequestResponse';
  readonly stage: 'ResponseComplete' | 'Panic';
  readonly verb: string;
  readonly requestURI: string;
  readonly user: {
    readonly username: string;
    readonly groups?: readonly string[];
    /** Includes `authentication.kubernetes.io/credential-id`, which identifies the token. */
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly impersonatedUser?: { readonly username: string; readonly groups?: readonly string[] };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly apiVersion?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly reason?: string; readonly message?: string };
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** API groups whose writes are recorded with the object that was written. */
const RECORDED_GROUPS = ['execution.securecodebox.io', 'credentials.securecodebox.io'];

/**
 * The audit policy. Reads of the recorded groups are recorded with `Metadata` only, because lists of thousands of objects
 * would fill the disk.
 */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  // One line for each request, when it is complete; for a watch, when it has ended.
  omitStages: ['RequestReceived', 'ResponseStarted'],
  omitManagedFields: true,
  rules: [
    { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/openapi*'] },
    {
      level: 'RequestResponse',
      verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
      resources: RECORDED_GROUPS.map((group) => ({ group })),
    },
    { level: 'Metadata' },
  ],
};

/** Path of the audit log of a control plane that has its data in this folder. */
export function auditFile(directory: string): string {
  return join(directory, 'audit.log');
}

/** Path of the audit policy. */
export function auditPolicyFile(directory: string): string {
  return join(directory, 'audit-policy.json');
}

/** The flags of kube-apiserver for the audit log. */
export function auditArgs(directory: string): readonly string[] {
  return [
    `--audit-policy-file=${auditPolicyFile(directory)}`,
    `--audit-log-path=${auditFile(directory)}`,
    // In megabytes. The default is to rotate the file at 100.
    '--audit-log-maxsize=1000000',
  ];
}

/** Reads an audit log that grows. Each line is parsed once, however often the log is read. */
export class AuditLog {
  readonly #file: string;
  readonly #events: AuditEvent[] = [];
  /** Number of bytes that have been parsed: whole lines. */
  #parsed = 0;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** The complete lines so far, oldest first. */
  async events(): Promise<readonly AuditEvent[]> {
    const reading = this.#reading.then(() => this.#readMore());
    this.#reading = reading.catch(() => undefined);
    await reading;
    return [...this.#events];
  }

  async #readMore(): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of createReadStream(this.#file, { start: this.#parsed })) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    // What follows the last line is empty, or an incomplete line.
    const end = bytes.lastIndexOf('\n') + 1;
    const lines = bytes.subarray(0, end).toString().split('\n').slice(0, -1);
    for (const line of lines) this.#events.push(JSON.parse(line) as AuditEvent);
    this.#parsed += end;
  }
}
