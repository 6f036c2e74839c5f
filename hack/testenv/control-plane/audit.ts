/** The audit log of the control plane: what it records, and how it is read. */
import { readFile } from 'node:fs/promises';
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

/** The complete lines of an audit log, oldest first. */
export async function readAuditLog(file: string): Promise<readonly AuditEvent[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  // The last line is empty, or incomplete.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as AuditEvent);
}
