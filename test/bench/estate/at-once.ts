/** Does it for each, so many at a time. */
export async function atOnce<T>(
  count: number,
  all: Iterable<T>,
  act: (one: T) => Promise<void>,
): Promise<void> {
  // One iterator for all: each takes what is next.
  const rest = Iterator.from(all);
  const worker = async () => {
    for (const one of rest) await act(one);
  };
  await Promise.all(Array.from({ length: count }, worker));
}
