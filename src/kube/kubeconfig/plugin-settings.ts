import type { User } from '@kubernetes/client-node';
import { isRecord, quoted } from '../../text/index.ts';
import { KubeConfigError } from '../errors.ts';

/** Whether a plug-in may read from the terminal. */
type InteractiveMode = 'Never' | 'IfAvailable' | 'Always';
const INTERACTIVE_MODES: readonly string[] = ['Never', 'IfAvailable', 'Always'] satisfies InteractiveMode[];

/** How a user's credential plug-in is run: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#ExecConfig */
export interface PluginSettings {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  readonly interactiveMode: InteractiveMode;
  readonly provideClusterInfo: boolean;
  readonly installHint: string | undefined;
}

/**
 * The credential plug-in of a user; undefined: the user has none, or has another credential, which then takes precedence, as
 * in client-go.
 *
 * @throws KubeConfigError if the settings of the plug-in cannot be used
 */
export function pluginSettings(user: User): PluginSettings | undefined {
  const { token, username, certData, certFile, authProvider } = user;
  if ([token, username, certData, certFile, authProvider?.config?.tokenFile].some(Boolean)) return undefined;
  // client-node passes this part of the kubeconfig on as it is. It also accepts the settings under `auth-provider`.
  const exec: unknown = user.exec ?? authProvider?.config?.exec;
  if (exec === undefined || exec === null) return undefined;
  const { command, args, env, apiVersion, interactiveMode, provideClusterInfo, installHint } = isRecord(exec)
    ? exec
    : {};
  return {
    command: expectText(user, 'exec.command', command),
    args: expectList(user, 'exec.args', args).map((arg) => expectText(user, 'exec.args', arg, true)),
    env: Object.fromEntries(expectList(user, 'exec.env', env).map((entry) => environmentEntry(user, entry))),
    apiVersion: typeof apiVersion === 'string' ? apiVersion : 'client.authentication.k8s.io/v1',
    interactiveMode: interactiveModeOf(user, interactiveMode),
    provideClusterInfo: provideClusterInfo === true,
    installHint: typeof installHint === 'string' ? installHint : undefined,
  };
}

function environmentEntry(user: User, entry: unknown): readonly [string, string] {
  const { name, value } = isRecord(entry) ? entry : {};
  return [expectText(user, 'exec.env', name), expectText(user, 'exec.env', value ?? '', true)];
}

function interactiveModeOf(user: User, mode: unknown): InteractiveMode {
  const found = mode ?? 'IfAvailable';
  if (isInteractiveMode(found)) return found;
  throw unusable(user, 'exec.interactiveMode', INTERACTIVE_MODES.join(', '));
}

function isInteractiveMode(value: unknown): value is InteractiveMode {
  return typeof value === 'string' && INTERACTIVE_MODES.includes(value);
}

function expectText(user: User, field: string, value: unknown, mayBeEmpty = false): string {
  if (typeof value === 'string' && (mayBeEmpty || value.trim() !== '') && !value.includes('\0')) return value;
  throw unusable(user, field, mayBeEmpty ? 'text' : 'text that is not empty');
}

function expectList(user: User, field: string, value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw unusable(user, field, 'a list');
}

/** Omits what was found, because a setting may contain a credential. */
function unusable(user: User, field: string, expected: string): KubeConfigError {
  return new KubeConfigError(
    `the kubeconfig has an invalid credential plug-in for the user ${quoted(user.name)}: expected ${expected} in ` +
      `${field}, found something else; correct the kubeconfig`,
  );
}
