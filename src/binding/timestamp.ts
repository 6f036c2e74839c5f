/** A time (milliseconds since the epoch) as Kubernetes writes it: RFC 3339, in whole seconds. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
