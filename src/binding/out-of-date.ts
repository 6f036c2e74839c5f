/** The object changed after it was observed: what was decided is out of date, and is decided again. */
export class OutOfDate extends Error {
  override readonly name = 'OutOfDate';
}
