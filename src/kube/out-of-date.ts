/** The object changed after it was observed, so the decision is out of date and has to be made again. */
export class OutOfDate extends Error {
  override readonly name = 'OutOfDate';
}
