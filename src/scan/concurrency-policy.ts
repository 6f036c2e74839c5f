/** What secureCodeBox's operator does with a due run while an earlier Scan has not ended: starts it, skips it, or deletes that Scan. */
export type ConcurrencyPolicy = 'Allow' | 'Forbid' | 'Replace';
