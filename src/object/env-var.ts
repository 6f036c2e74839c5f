/** An environment variable of a container with a literal value: an entry of `env` in the Kubernetes API. */
export interface EnvVar {
  readonly name: string;
  readonly value: string;
}
