/** The promise. If it rejects while no caller awaits it, Node reports no unhandled rejection. Callers that await it get the error. */
export function abandonable<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
