/** On SIGUSR2, causes an unhandled error at the place that MISHAP names. */
import { Readable } from 'node:stream';

const mishaps: Readonly<Record<string, () => void>> = {
  timer: () => {
    setTimeout(() => {
      throw new Error('thrown in a timer');
    }, 1);
  },
  promise: () => {
    void Promise.reject(new Error('rejected'));
  },
  stream: () => {
    Readable.from(['text']).on('data', () => {
      throw new Error('thrown in a stream');
    });
  },
  event: () => {
    new Readable().destroy(new Error('emitted'));
  },
  warning: () => process.emitWarning('mind the step'),
};

process.on('SIGUSR2', () => mishaps[process.env['MISHAP'] ?? '']?.());
