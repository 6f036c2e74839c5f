import { readFileSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { isRecord, parseTime, printable, quoted, readObject } from '../../text/index.ts';
import { KubeConfigError } from '../errors.ts';
import { type PluginSettings, pluginSettings } from './plugin-settings.ts';
import { type PluginResult, runPlugin } from './run-plugin.ts';

/** Shorter than the time-out of a request, so that the error names the plug-in. */
const TIMEOUT_MS = 25_000;
/** A user may have to log in with a browser. */
const INTERACTIVE_TIMEOUT_MS = 300_000;
const LONGEST_HINT = 300;

/** What a plug-in provides: a token, a client certificate with its key, or both. */
interface PluginCredential {
  readonly token: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

interface Known {
  readonly credential: PluginCredential;
  /** In milliseconds since 1970; undefined: it does not expire. */
  readonly expires: number | undefined;
}

/** The transports of a KubeConfig share its plug-ins, so that a user logs in once. */
const plugins = new WeakMap<KubeConfig, Map<string, CredentialPlugin>>();

/**
 * The plug-in that provides the credential of a KubeConfig's current user; undefined: that user has none.
 *
 * @throws KubeConfigError if the settings of the plug-in cannot be used
 */
export function credentialPlugin(config: KubeConfig): CredentialPlugin | undefined {
  const user = config.getCurrentUser();
  const settings = user === null ? undefined : pluginSettings(user);
  if (user === null || settings === undefined) return undefined;
  const known = plugins.get(config) ?? new Map<string, CredentialPlugin>();
  plugins.set(config, known);
  const plugin = known.get(config.getCurrentContext()) ?? new CredentialPlugin(config, user.name, settings);
  known.set(config.getCurrentContext(), plugin);
  return plugin;
}

/**
 * A program that provides credentials, such as `aws` or `gke-gcloud-auth-plugin`
 * (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins). client-node would run
 * it without limits on its time and output, without `KUBERNETES_EXEC_INFO`, and would quote its output in errors.
 */
class CredentialPlugin {
  readonly #config: KubeConfig;
  readonly #settings: PluginSettings;
  /** How messages name the plug-in. Omits its arguments, which may contain a credential. */
  readonly #name: string;
  #known: Known | undefined;
  #running: Promise<Known> | undefined;

  constructor(config: KubeConfig, user: string, settings: PluginSettings) {
    this.#config = config;
    this.#settings = settings;
    this.#name =
      `the credential plug-in ${quoted(settings.command)} of the user ${quoted(user)} ` +
      `(context ${quoted(config.getCurrentContext())})`;
  }

  /**
   * The current credential. Runs the program if there is none yet, or if it has expired.
   *
   * @throws KubeConfigError if the program provides none; the message never contains its output
   */
  async credential(): Promise<PluginCredential> {
    const known = this.#known;
    if (known !== undefined && (known.expires ?? Number.POSITIVE_INFINITY) > Date.now())
      return known.credential;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    this.#known = await this.#running;
    return this.#known.credential;
  }

  async #run(): Promise<Known> {
    const { command, args, env, interactiveMode } = this.#settings;
    const isTerminal = process.stdin.isTTY === true;
    if (interactiveMode === 'Always' && !isTerminal) {
      throw this.#error(
        'expected a terminal, because the plug-in asks for input (interactiveMode: Always), found none; run the command in ' +
          'a terminal',
      );
    }
    const interactive = interactiveMode !== 'Never' && isTerminal;
    const timeoutMs = interactive ? INTERACTIVE_TIMEOUT_MS : TIMEOUT_MS;
    const info = { KUBERNETES_EXEC_INFO: JSON.stringify(this.#execInfo(interactive)) };
    const ran = await runPlugin({
      command,
      args,
      interactive,
      timeoutMs,
      env: { ...process.env, ...env, ...info },
    });
    return this.#read(ran, timeoutMs);
  }

  /** https://kubernetes.io/docs/reference/config-api/client-authentication.v1/#client-authentication-k8s-io-v1-ExecCredential */
  #execInfo(interactive: boolean): object {
    const { apiVersion, provideClusterInfo } = this.#settings;
    const cluster = provideClusterInfo ? this.#config.getCurrentCluster() : null;
    const shown = cluster && {
      server: cluster.server,
      'tls-server-name': cluster.tlsServerName,
      'insecure-skip-tls-verify': cluster.skipTLSVerify,
      'certificate-authority-data':
        cluster.caFile === undefined ? cluster.caData : readFileSync(cluster.caFile, 'base64'),
      'proxy-url': cluster.proxyUrl,
    };
    const spec = shown === null ? { interactive } : { interactive, cluster: shown };
    return { apiVersion, kind: 'ExecCredential', spec };
  }

  #read(ran: PluginResult, timeoutMs: number): Known {
    switch (ran.result) {
      case 'NotStarted':
        throw this.#notStarted(ran.code);
      case 'TimedOut':
        throw this.#error(
          `expected a credential within ${timeoutMs / 1_000} s, found that the plug-in was still running, and stopped it; ` +
            this.#howToSee(),
        );
      case 'TooMuchOutput':
        throw this.#error(`expected a credential of at most 1 MiB, found more; ${this.#howToSee()}`);
      case 'Exited':
        if (ran.code === 0) return this.#parse(ran.output);
        throw this.#error(
          `expected a credential, found that the plug-in failed (${ran.code === null ? 'it was killed' : `exit code ${ran.code}`}); log in again, ` +
            `or ${this.#howToSee()}`,
        );
    }
  }

  #notStarted(code: string): KubeConfigError {
    const { command, installHint } = this.#settings;
    const hint = installHint?.replaceAll(/\s+/g, ' ').trim().slice(0, LONGEST_HINT) ?? '';
    const advice =
      (command.includes('/')
        ? 'correct exec.command in the kubeconfig'
        : 'install it, or add its folder to PATH') +
      (hint === '' ? '' : `. The kubeconfig says about it: ${printable(hint)}`);
    if (code === 'ENOENT') {
      const place = command.includes('/') ? 'at this path' : 'on PATH';
      return this.#error(
        `expected this program ${place}, found none (or its interpreter is missing); ${advice}`,
      );
    }
    return this.#error(
      `expected a program that can be run, found that it cannot be started (${code}); ${advice}`,
    );
  }

  #parse(output: string): Known {
    const answer = readObject(output);
    if (answer === undefined)
      throw this.#error(`expected an ExecCredential in JSON, found other output; ${this.#howToSee()}`);
    const status = isRecord(answer['status']) ? answer['status'] : {};
    const token = textOf(status['token'])?.trim();
    const cert = textOf(status['clientCertificateData']);
    const key = textOf(status['clientKeyData']);
    if ((cert === undefined) !== (key === undefined) || (token === undefined && cert === undefined)) {
      throw this.#error(
        'expected a token, or a client certificate with its key, in the status of the ExecCredential, found neither; log in ' +
          `again, or ${this.#howToSee()}`,
      );
    }
    const expires = parseTime(textOf(status['expirationTimestamp']) ?? '');
    return { credential: { token, cert, key }, expires };
  }

  #howToSee(): string {
    return `run kubectl get --raw /version --context ${quoted(this.#config.getCurrentContext())}, which shows what the plug-in prints`;
  }

  #error(text: string): KubeConfigError {
    return new KubeConfigError(`${this.#name}: ${text}`);
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}
