import { askOracle } from './oracle.ts';

/** An entry of `spec.ignoreDifferences` of an Argo CD Application. */
export interface Ignored {
  readonly jsonPointers?: readonly string[];
  readonly jqPathExpressions?: readonly string[];
  readonly managedFieldsManagers?: readonly string[];
}

type AddOnRequest =
  /** The health check in Lua. */
  | { readonly health: string; readonly object: object }
  | { readonly kstatus: true; readonly object: object }
  /** `respect`: the sync option RespectIgnoreDifferences=true. */
  | { readonly argo: Ignored & { readonly git: object; readonly respect?: boolean }; readonly object: object }
  /** A template of External Secrets. */
  | { readonly template: string; readonly values: Readonly<Record<string, string>> };

/** hack/testenv/tools/add-ons/add-on-oracle/main.go */
interface Answer {
  readonly error?: string;
  /** The health status, or the status of kstatus. */
  readonly status?: string;
  readonly message?: string;
  readonly synced?: boolean;
  /** What a sync of Argo CD applies. */
  readonly target?: object;
  readonly text?: string;
}

/**
 * Shows what Argo CD, Flux and External Secrets make of objects and templates.
 *
 * @throws Error if a script, an expression or a template fails
 */
export async function askAddOns(requests: readonly AddOnRequest[]): Promise<readonly Answer[]> {
  const answers = await askOracle<Answer>('add-on-oracle', requests);
  for (const { error } of answers) if (error !== undefined) throw new Error(error);
  return answers;
}
