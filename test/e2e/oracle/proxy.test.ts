import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { proxyFor } from '../../../src/registry/http/proxy.ts';
import { seed } from '../../support/seed.ts';
import { ask } from './oracle.ts';

const CASES = 20_000;
const PROXY = 'http://proxy.example:3128';

const NAMES = [
  'reg.io',
  'a.reg.io',
  'b.a.reg.io',
  'xreg.io',
  'io',
  'localhost',
  'REG.io',
  'xn--bcher-kva.de',
];
const IPV4 = ['10.0.0.1', '10.1.2.3', '127.0.0.1', '127.9.9.9', '192.168.1.1', '0.0.0.0', '255.255.255.255'];
const IPV6 = [
  ...[
    '::1',
    '::',
    'fd00::1',
    'FD00:0:0::0001',
    '2001:db8::1',
    '2001:db8:0:0:1::',
    'fe80::1',
    '1:2:3:4:5:6:7:8',
  ],
  ...[
    '::ffff:10.0.0.1',
    '::ffff:127.0.0.1',
    '::10.0.0.1',
    '64:ff9b::10.0.0.1',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
  ],
];
const PORTS = ['', '', '', ':443', ':5000', ':80'];

const urls = fc
  .tuple(
    fc.constantFrom('https', 'https', 'http'),
    fc.oneof(fc.constantFrom(...NAMES, 'reg.io.'), fc.constantFrom(...IPV4), fc.constantFrom(...IPV6)),
    fc.constantFrom(...PORTS),
  )
  .map(
    ([scheme, host, port]) => new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}${port}/v2/`),
  );

const name = fc
  .tuple(fc.constantFrom('', '', '.', '*.', '*', '..'), fc.constantFrom(...NAMES, 'bücher.de', 'BÜCHER.de'))
  .map((parts) => parts.join(''));
const address = fc.constantFrom(...IPV4, ...IPV6, ...IPV6.map((each) => `[${each}]`));
const odd = fc.constantFrom(
  ...[
    '*',
    '.',
    '*.',
    '',
    ' ',
    '/',
    ':',
    ':443',
    '[]',
    '[]:443',
    '[',
    ']',
    '[::1',
    '::1]',
    '[::1]:',
    'reg.io:',
  ],
  ...['10.0.0.0 /', '10.0.0.0/', '10.0.0.0 /8', '10.0.0.0/ 8', '10.0.0.0/x', '10.0.0.0/33', '10.0.0.0/+8'],
  ...['10.0.0.0/08', '10.0.0.0/8/8', '010.0.0.1', '10.0.1', '10.0.0.0/-1', '10.0.0.0/1e1', '/8', 'reg.io/8'],
  ...[
    '::/0',
    '::/129',
    '[::]/0',
    '[fd00::]/8',
    '[fd00::/8]',
    'fd00::%eth0/8',
    'fd00::1%eth0',
    '[fe80::1%eth0]:443',
  ],
  ...['::ffff:0:0/96', '::ffff:10.0.0.0/104', '::ffff:10.0.0.0/8', '::ffff:10.0.0.0/95', '::ffff:0.0.0.0/96'],
  ...[
    '0.0.0.0/0',
    'http://reg.io',
    'reg.io:443:443',
    'fd00::1:443',
    '[fd00::1]x:443',
    '[reg.io]:443',
    '[10.0.0.1]',
  ],
  ...['[10.0.0.1]:443', '10.0.0.1:', '10.0.0.1:0443', 'reg.io:https', 'reg.io;a.reg.io', 'reg.io a.reg.io'],
  ...[
    '\u00a0reg.io\u00a0',
    '\ufeffreg.io',
    '\u0085reg.io',
    'REG.\u0130O',
    'reg.io.',
    '.reg.io.',
    'reg.io\u0000',
  ],
  ...[
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::1::',
    ':::',
    '1:2:3:4:5:6:7',
    '::1.2.3',
    '::1.2.3.04',
    '::1.2.3.4.5',
    '::g',
  ],
);
const entry = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(name, fc.constantFrom(...PORTS)).map((parts) => parts.join('')) },
  { weight: 4, arbitrary: fc.tuple(address, fc.constantFrom(...PORTS)).map((parts) => parts.join('')) },
  {
    weight: 3,
    arbitrary: fc.tuple(address, fc.integer({ min: -1, max: 130 })).map(([each, bits]) => `${each}/${bits}`),
  },
  { weight: 4, arbitrary: odd },
);
const mutated = fc
  .tuple(entry, fc.nat(), fc.constantFrom(...'*.:/[] 0189af%-\u00a0'), fc.boolean())
  .map(([text, at, character, insert]) => {
    const index = at % (text.length + 1);
    return `${text.slice(0, index)}${character}${text.slice(insert ? index : index + 1)}`;
  });
const noProxies = fc
  .array(fc.oneof({ weight: 3, arbitrary: entry }, { weight: 1, arbitrary: mutated }), {
    minLength: 1,
    maxLength: 2,
  })
  .map((entries) => entries.join(','));

it(`the choice of a proxy is that of Trivy, for ${CASES} random values of NO_PROXY`, async (context) => {
  const sample = fc.sample(fc.record({ noProxy: noProxies, url: urls }), { seed, numRuns: CASES });
  const answers = await ask(sample.map(({ noProxy, url }) => ({ noProxy, url: url.href })));
  const different = sample.flatMap(({ noProxy, url }, index) => {
    const ours = proxyFor(url, { httpsProxy: PROXY, httpProxy: PROXY, noProxy }) !== undefined;
    const { proxied, error } = answers[index] ?? {};
    return ours === proxied ? [] : [{ noProxy, url: url.href, ours, theirs: proxied ?? error }];
  });
  const [shortest] = different.toSorted((a, b) => a.noProxy.length - b.noProxy.length);
  assert.equal(
    shortest,
    undefined,
    `ICB_TEST_SEED=${seed}: ${different.length} of ${CASES} differ; the shortest: ${JSON.stringify(shortest)}`,
  );
  const proxied = answers.filter((answer) => answer.proxied === true).length;
  context.diagnostic(`seed ${seed}: ${CASES} choices, ${proxied} of them a proxy, none different`);
  assert.ok(proxied > CASES / 4 && proxied < (CASES * 9) / 10, `${proxied} with a proxy`);
});
