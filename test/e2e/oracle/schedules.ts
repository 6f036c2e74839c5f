/** Random cron expressions and times, for the comparison with the parser of secureCodeBox's operator. */
import fc from 'fast-check';

const MONTHS = ['jan', 'Feb', 'MAR', 'apr', 'may', 'JUN', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'Mon', 'TUE', 'wed', 'thu', 'fri', 'sat'];
/** Items and fields that few parsers read in the same way. */
const ODD = [
  ...[
    'L',
    'W',
    '15W',
    'LW',
    '1#2',
    'mon#5',
    '5L',
    '7',
    '60',
    '24',
    '32',
    '0',
    '13',
    '',
    ',',
    ',,1',
    '1,',
    '??',
  ],
  ...['*-5', '*-x', '?-1-2', '*-1/2', '*-x/y', '1-2-3', '1-', '-1', '1--2', '1-*', '*/', '/2', '*/0', '*/-0'],
  ...[
    '*/-1',
    '*/+2',
    '+5',
    '1-+5',
    '5/15',
    '5/15/2',
    '*/1/1',
    '05',
    '007/09',
    '1-5/99',
    '3/9223372036854775807',
  ],
  ...[
    '*/9223372036854775808',
    '99999999999999999999',
    '1_0',
    '0x1',
    '1.0',
    '1e1',
    'H',
    'H/5',
    '@',
    '*2',
    '**',
  ],
  ...[
    'fr\u0130',
    'FRI-SAT',
    'monday',
    'mo',
    'january',
    'jan-mar/2',
    'sun-sat',
    'sat-sun',
    'mon/2',
    'fri,',
    '*,1',
  ],
  ...[
    '1,*',
    '1,?',
    '\u0661',
    'o\u212At',
    'a',
    '1;2',
    '9-1',
    '5-5',
    '5-5/3',
    '~',
    '0-59',
    '0-23',
    '1-31',
    '1-12',
  ],
];
/** `unicode.IsSpace` and its neighbors. */
const SPACES = [
  ...[
    ' ',
    ' ',
    ' ',
    ' ',
    ' ',
    ' ',
    '  ',
    '\t',
    '\n',
    '\r',
    '\v',
    '\f',
    '\u0085',
    '\u00a0',
    '\u2003',
    '\u3000',
  ],
  ...['\u200b', '\ufeff', '\u001f', '\u180e', '\u2028', '\u1680'],
];

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: WEEKDAYS },
];

function validField({ min, max, names }: Bounds): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const text = fc
    .tuple(value, fc.boolean())
    .map(([number, named]) => (named && names[number - min]) || String(number));
  const range = fc.tuple(value, value).map((ends) => ends.toSorted((a, b) => a - b).join('-'));
  const star = fc.constantFrom('*', '?');
  const step = fc.integer({ min: 1, max: max + 3 });
  const item = fc.oneof(
    { weight: 4, arbitrary: text },
    { weight: 2, arbitrary: range },
    { weight: 3, arbitrary: fc.tuple(fc.oneof(star, text, range), step).map((parts) => parts.join('/')) },
  );
  return fc.oneof(
    { weight: 4, arbitrary: star },
    { weight: 5, arbitrary: item },
    {
      weight: 2,
      arbitrary: fc.array(fc.oneof(item, item, star), { minLength: 2, maxLength: 4 }).map(String),
    },
  );
}

const fields = fc.tuple(
  ...FIELDS.map((bounds) =>
    fc.oneof(
      { weight: 19, arbitrary: validField(bounds) },
      { weight: 1, arbitrary: fc.constantFrom(...ODD) },
    ),
  ),
);
/** Few days match, such as February 29, or none. */
const rare = fc
  .tuple(
    fc.constantFrom('0', '59', ',', '*/30'),
    fc.constantFrom('0', '23', ',', '*/12'),
    fc.constantFrom('29', '30', '31', '29-31', ',', '?', '*/31'),
    fc.constantFrom('2', 'feb', '4,6,9,11', ',', '2-3', '*'),
    fc.constantFrom('*', '*/1', '?', ',', '1', '0-6', '*/6'),
  )
  .map((parts) => parts.join(' '));
const joined = fc
  .tuple(fields, fc.array(fc.constantFrom(...SPACES), { minLength: 6, maxLength: 6 }), fc.nat({ max: 19 }))
  .map(([parts, spaces, padded]) => {
    const text = parts.map((part, index) => `${index === 0 ? '' : spaces[index]}${part}`).join('');
    return padded === 0 ? `${spaces[0]}${text}${spaces[5]}` : text;
  });
const plain = fields.map((parts) => parts.join(' '));
const descriptor = fc.constantFrom(
  ...['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly', '@every', '@reboot'],
  ...[
    '@Daily',
    '@daily ',
    ' @daily',
    '@',
    '@every  1h',
    '@every 1h ',
    '@EVERY 1h',
    '@every\t1h',
    '@constructor',
  ],
);
const every = fc
  .tuple(
    fc.constantFrom('', '', '', '-', '+'),
    fc.constantFrom('0', '1', '2', '90', '1.5', '.9999', '0.5', '300', '100000', '9223372036', '99999999999'),
    fc.constantFrom('ns', 'us', '\u00b5s', 'ms', 's', 's', 'm', 'h', 'd', ''),
    fc.constantFrom('', '', '', '1s', '999ms', '30m', 'x'),
  )
  .map((parts) => `@every ${parts.join('')}`);
const zoned = fc
  .tuple(
    fc.constantFrom(
      'TZ=UTC ',
      'CRON_TZ=UTC ',
      'TZ=Europe/Berlin ',
      'CRON_TZ=Asia/Tokyo ',
      'TZ= ',
      'TZ=Local ',
    ),
    fc.oneof(plain, descriptor),
  )
  .map((parts) => parts.join(''));
const wrongCount = fc
  .tuple(fields, fc.constantFrom(0, 1, 3, 4, 6, 7))
  .map(([parts, count]) => [...parts, ...parts].slice(0, count).join(' '));
const mutated = fc
  .tuple(plain, fc.nat(), fc.constantFrom(...'*/-,?@ 079LW#+\t\u00a0'), fc.boolean())
  .map(([text, at, character, insert]) => {
    const index = at % (text.length + 1);
    return `${text.slice(0, index)}${character}${text.slice(insert ? index : index + 1)}`;
  });

export const schedules = fc.oneof(
  { weight: 20, arbitrary: plain },
  { weight: 4, arbitrary: rare },
  { weight: 4, arbitrary: joined },
  { weight: 3, arbitrary: mutated },
  { weight: 2, arbitrary: every },
  { weight: 1, arbitrary: descriptor },
  { weight: 1, arbitrary: zoned },
  { weight: 1, arbitrary: wrongCount },
);

const date = (year: number, month = 0, day = 1) => new Date(0).setUTCFullYear(year, month, day);
const anyTime = fc.integer({ min: date(1990), max: date(2060) });
/** Go's zero time is in the year 1, and the operator cannot tell it from a missing tick. */
const FIRST = date(12);
/** The times that a Kubernetes object can have. */
const farTime = fc.integer({ min: FIRST, max: date(10_000) - 1 });
const boundary = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1995, max: 2110 }), fc.constantFrom(16, 99, 100, 1896, 1899, 9995, 9999)),
    fc.constantFrom(0, 1, 2, 11),
    fc.constantFrom(1, 28, 29),
    fc.constantFrom(
      -86_400_000,
      -60_001,
      -60_000,
      -1_001,
      -1_000,
      -999,
      -1,
      0,
      1,
      999,
      1_000,
      59_999,
      60_000,
    ),
  )
  .map(([year, month, day, offset]) => Math.max(FIRST, date(year, month, day) + offset));

/** Milliseconds since the epoch. */
export const times = fc.oneof(
  { weight: 3, arbitrary: anyTime },
  { weight: 3, arbitrary: anyTime.map((time) => Math.floor(time / 1_000) * 1_000) },
  { weight: 2, arbitrary: anyTime.map((time) => Math.floor(time / 60_000) * 60_000) },
  { weight: 2, arbitrary: boundary },
  { weight: 1, arbitrary: farTime },
);
