/** The objects that the stand-in reads and writes, with only the fields that it uses. The API server has validated them. */
import type { KubeObject, Resource } from '../../../src/object/index.ts';

const group = { group: 'execution.securecodebox.io', version: 'v1' };

export const SCHEDULED_SCANS: Resource = { ...group, plural: 'scheduledscans', kind: 'ScheduledScan' };
export const SCANS: Resource = { ...group, plural: 'scans', kind: 'Scan' };
export const SCAN_TYPES: Resource = { ...group, plural: 'scantypes', kind: 'ScanType' };
export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
export const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' };

interface SecretKeySelector {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: SecretKeySelector };
}

interface SecretVolume {
  readonly secretName: string;
  readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number }[];
  readonly defaultMode?: number;
  readonly optional?: boolean;
}

interface ConfigMapVolume {
  readonly name: string;
  readonly optional?: boolean;
}

export interface Volume {
  readonly name: string;
  readonly secret?: SecretVolume;
  readonly configMap?: ConfigMapVolume;
  readonly emptyDir?: object;
}

interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly volumeMounts?: readonly VolumeMount[];
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
}

export interface ScanType extends KubeObject {
  readonly spec: {
    readonly extractResults?: { readonly type?: string; readonly location?: string };
    readonly jobTemplate: { readonly spec: { readonly template: { readonly spec: PodSpec } } };
  };
}

export interface ScanSpec {
  readonly scanType: string;
  readonly parameters: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly volumes?: readonly Volume[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly initContainers?: readonly Container[];
  readonly suspend?: boolean;
}

export interface Scan extends KubeObject {
  readonly spec: ScanSpec;
  readonly status?: {
    readonly state?: string;
    readonly errorDescription?: string;
    readonly finishedAt?: string;
  };
}

export interface ScheduledScan extends KubeObject {
  readonly spec: {
    /** Go duration, e.g. `12h`. */
    readonly interval?: string;
    /** Cron expression, UTC. */
    readonly schedule?: string;
    readonly suspend?: boolean;
    readonly retriggerOnScanTypeChange?: boolean;
    readonly concurrencyPolicy?: 'Allow' | 'Forbid' | 'Replace';
    readonly scanSpec: ScanSpec;
  };
  readonly status?: { readonly lastScheduleTime?: string; readonly scanTypeHash?: string };
}

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** A time as secureCodeBox writes it: RFC 3339, whole seconds. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
