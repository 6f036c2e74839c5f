import { askOracle } from '../support/oracle.ts';

/** A Secret as the kubelet receives it. The values are base64. */
export interface PlainSecret {
  readonly name: string;
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

type OracleRequest =
  | { readonly reference: string }
  | { readonly image: string; readonly secrets: readonly PlainSecret[] };

/** hack/testenv/tools/kubelet/keyring-oracle/main.go */
export interface Answer {
  readonly error?: string;
  readonly reference?: {
    readonly name: string;
    readonly tag: string;
    readonly digest: string;
    readonly familiar: string;
  };
  /** In the order in which the kubelet would try them. */
  readonly credentials: readonly {
    readonly secret: string;
    readonly email: string;
    readonly username: string;
    readonly password: string;
  }[];
  /** The keyring's key of each entry, by the entry's e-mail address. */
  readonly keys?: Readonly<Record<string, string>>;
}

/** Sends requests to the libraries that the kubelet itself uses. Returns one answer for each, in the same order. */
export function ask(requests: readonly OracleRequest[]): Promise<readonly Answer[]> {
  return askOracle('keyring-oracle', requests);
}
