/**
 * Runs the work for each item, for a limited number of items at the same time. The work for the next item starts as soon
 * as the work for another ends. Failed work does not keep the work for other items from starting. Never rejects.
 *
 * @returns how the work for each item ended, in the order of the items
 */
export async function settleEach<Item, Result>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly PromiseSettledResult<Result>[]> {
  const results = new Array<PromiseSettledResult<Result>>(items.length);
  // All workers share one iterator, so that each takes the next item.
  const rest = items.entries();
  const worker = async () => {
    for (const [index, item] of rest) {
      const [result] = await Promise.allSettled([Promise.try(work, item)]);
      results[index] = result;
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return results;
}

/**
 * Runs the work for each item like {@link settleEach}.
 *
 * @throws the error of the first item whose work failed, after the work for all items has ended
 */
export async function runEach<Item>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const results = await settleEach(items, concurrency, work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
