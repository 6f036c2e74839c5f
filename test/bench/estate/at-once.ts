/** Calls `act` for each item, with a concurrency of `count`. */
export async function atOnce<T>(
  count: number,
  all: Iterable<T>,
  act: (one: T) => Promise<void>,
): Promise<void> {
  // The workers share one iterator, and each takes the next item.
  const rest = Iterator.from(all);
  const worker = async () => {
    for (const one of rest) await act(one);
  };
  await Promise.all(Array.from({ length: count }, worker));
}
