/** Prevents an unhandled rejection if no caller awaits the promise any longer. Callers that await it still get the error. */
export function abandonable<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
