/** A promise whose rejection is no fault where nobody waits for it any more; who does wait gets it all the same. */
export function abandonable<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
