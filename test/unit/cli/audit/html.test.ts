import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ImageCredentialBindingStatus } from '../../../../src/api/index.ts';
import { type AuditEntry, auditEntry } from '../../../../src/cli/audit/details.ts';
import { asHtml } from '../../../../src/cli/audit/html.ts';
import { bindingTable } from '../../../../src/cli/audit/html-binding.ts';
import { printable } from '../../../../src/text/printable.ts';
import { quoted } from '../../../../src/text/quote.ts';
import { findBrowser, openPage } from '../../../support/html/browser.ts';
import { type Element, elementsIn, readPage, textOf } from '../../../support/html/page.ts';

const NOW = Date.parse('2026-03-01T00:00:00Z');
const INFO = { place: 'in all namespaces', now: NOW };

/** A binding of which every text that a page shows is this one. */
function everywhere(text: string, ready: 'True' | 'False' = 'False'): AuditEntry {
  const condition = { type: 'Ready', status: ready, reason: text, message: text, observedGeneration: 1 };
  const side = { platform: text, image: text, secret: text };
  const status = {
    platform: text,
    credential: {
      secret: { name: text, uid: 'u' },
      registryKey: text,
      verifiedTime: text,
      expirationTime: text,
    },
    trivySecret: { name: text },
    scans: { matched: 3, bound: 2, failing: 1, unreadable: 1, names: [{ name: text, reason: text }] },
    temporarySecrets: { count: 1, names: [{ name: text, scan: text, createdTime: text }] },
    candidates: [{ secret: text, registryKey: text, result: text, reason: text }],
    history: [{ time: text, reason: text, from: side, to: side, scans: 1 }],
    conditions: [
      { ...condition, lastTransitionTime: text },
      // The page has it in an attribute.
      { ...condition, type: text, status: text, lastTransitionTime: text },
    ],
  };
  return auditEntry({
    metadata: { namespace: text, name: text, generation: 1, creationTimestamp: text },
    spec: { image: text, imagePullSecrets: [], replaces: [text] },
    // The CRD restricts some of these texts. The page must be safe even if a server does not enforce it.
    status: status as unknown as ImageCredentialBindingStatus,
  });
}

const named = (name: string, ready: 'True' | 'False') => everywhere(name, ready);
const nothingKnown = auditEntry({
  metadata: { namespace: 'shop', name: 'new', generation: 1 },
  spec: { image: 'reg.example/new', imagePullSecrets: [] },
});

/** Everything that a page may contain. None of these attributes holds an address or a program. */
const ATTRIBUTES = new Set(
  (
    'lang charset http-equiv content name class hidden type id autocomplete placeholder value aria-pressed scope ' +
    'data-state colspan datetime'
  ).split(' '),
);
/** The names of the elements. A slash in a path allows a line break (wbr). */
const shapeOf = (page: string) =>
  elementsIn(readPage(page))
    .map(({ name }) => name)
    .filter((name) => name !== 'wbr');
const bindingsIn = (page: string) =>
  elementsIn(readPage(page)).filter(({ attributes }) => attributes['class'] === 'binding');
const one = (page: string, name: string): Element => {
  const [element, ...others] = elementsIn(readPage(page)).filter((each) => each.name === name);
  assert.ok(element !== undefined && others.length === 0);
  return element;
};

const HOSTILE = [
  '<script>document.title = "owned"</script>',
  '</script><img src=x onerror="document.title = \'owned\'">',
  '</style></td></table><h1>owned',
  '" onmouseover="document.title = 1" x="',
  "' autofocus onfocus=alert(1) '",
  '<!-- ',
  ']]>&lt;b&gt;&#60;&amp',
  '{{constructor.constructor("alert(1)")()}}',
  'javascript:alert(1)',
  '\u202egro.elpmaxe\u2066\u0000\u001b[31m\u0085',
  '<'.repeat(5_000),
];

describe('the page of an audit', () => {
  it('counts the states, and has a row for each binding with its conditions and history', () => {
    const page = asHtml([named('good', 'True'), named('bad', 'False'), nothingKnown], INFO);
    const [summary = ''] = elementsIn(readPage(page))
      .filter(({ attributes }) => attributes['class'] === 'summary')
      .map(textOf);
    assert.equal(
      summary.trim().replaceAll('\n', ', '),
      '1ready, 1not ready, 1unknown, 4 of 6scans bound, 2scans failing, 2scans unreadable',
    );
    assert.match(textOf(one(page, 'body')), /3 bindings in all namespaces at 2026-03-01T00:00:00Z/);
    assert.deepEqual(
      bindingsIn(page).map(({ attributes }) => attributes['data-state']),
      ['True', 'False', 'Unknown'],
    );
    const [, bad] = bindingsIn(page);
    assert.ok(bad !== undefined);
    const folded = elementsIn(bad).filter(({ name }) => name === 'details');
    assert.equal(folded.length, 1);
    for (const title of ['Conditions', 'Candidates', 'ScheduledScans', 'Secrets of Scans', 'History'])
      assert.ok(folded.map(textOf).join('').includes(title), title);
    assert.match(textOf(bad), /✗ bad.*2 of 3 bound, 1 failing, 1 unreadable/s);
  });

  it('shows when a credential was verified, or why not', () => {
    const conditions = [
      {
        ...{ type: 'CredentialVerified', reason: 'Disabled', message: '', observedGeneration: 1 },
        ...({ status: 'Unknown', lastTransitionTime: '2026-01-01T00:00:00Z' } as const),
      },
    ];
    const secret = { name: 'pull', uid: 'u' };
    const cases = [
      [{}, '-'],
      [{ conditions }, 'Disabled'],
      [{ conditions, credential: { secret, registryKey: 'x', verifiedTime: 'T' } }, 'T Disabled'],
    ] as const;
    for (const [status, shown] of cases) {
      const entry = auditEntry({
        metadata: { namespace: 'shop', name: 'new', generation: 1 },
        spec: { image: 'reg.example/new', imagePullSecrets: [] },
        status,
      });
      const cells = elementsIn(readPage(asHtml([entry], INFO))).filter(({ name }) => name === 'td');
      assert.equal(cells.map(textOf)[5], shown);
    }
  });

  it('shows the message of a binding that is not ready without unfolding it', () => {
    const [good, bad] = bindingsIn(asHtml([named('good', 'True'), named('bad', 'False')], INFO));
    const messages = [good, bad].map(
      (body) => body && elementsIn(body).filter(({ attributes }) => attributes['class'] === 'message').length,
    );
    assert.deepEqual(messages, [0, 1]);
  });

  it('is a page without rows if there are no bindings', () => {
    const page = asHtml([], INFO);
    assert.deepEqual(bindingsIn(page), []);
    assert.match(textOf(one(page, 'body')), /0 bindings in all namespaces/);
  });

  it('forbids everything except its own style and script', () => {
    const page = asHtml([nothingKnown], INFO);
    const hash = (name: string) =>
      `'sha256-${createHash('sha256')
        .update(textOf(one(page, name)))
        .digest('base64')}'`;
    const policy = elementsIn(readPage(page)).find(
      ({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy',
    );
    assert.equal(
      policy?.attributes['content'],
      `default-src 'none'; script-src ${hash('script')}; style-src ${hash('style')}; base-uri 'none'; form-action 'none'`,
    );
    assert.doesNotMatch(page.replaceAll('http-equiv', ''), /https?:|url\(|@import|fetch|XMLHttpRequest/);
  });

  for (const text of HOSTILE) {
    it(`shows as text: ${quoted(text.slice(0, 40))}`, () => {
      const page = asHtml([everywhere(text)], { ...INFO, place: text });
      assert.deepEqual(shapeOf(page), shapeOf(asHtml([everywhere('x')], INFO)));
      const attributes = elementsIn(readPage(page)).flatMap((element) => Object.keys(element.attributes));
      assert.deepEqual(new Set(attributes).difference(ATTRIBUTES), new Set());
      assert.doesNotMatch(page.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
      assert.ok(textOf(one(page, 'body')).includes(printable(text)));
    });
  }

  it('has the same elements for any text', () => {
    const shape = (text: string) => shapeOf(`<!doctype html>\n${bindingTable([everywhere(text)]).text}`);
    const part = fc.constantFrom(
      '<',
      '>',
      '&',
      '"',
      "'",
      '<!--',
      '</',
      'td',
      'script',
      ' x=',
      ';',
      '#39',
      'é',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part).map((parts) => parts.join('')),
    );
    const expected = shape('x');
    const property = fc.property(text, (any) => assert.deepEqual(shape(any || 'x'), expected));
    fc.assert(property, { examples: [['__proto__'], ['constructor']] });
  });
});

const browser = findBrowser();
const skip = browser === undefined ? 'no Chromium is installed' : false;
const open = (page: string, fragment?: string) => openPage(browser ?? '', page, fragment);

describe('the page of an audit in a browser', { skip }, () => {
  const entries = [named('shop-payments', 'True'), named('shop-cart', 'False'), nothingKnown];

  const cases = [
    { fragment: '', shown: '3 of 3 shown' },
    { fragment: 'state=False', shown: '1 of 3 shown' },
    { fragment: 'text=SHOP%20pay', shown: '1 of 3 shown' },
    { fragment: 'text=shop&state=Unknown', shown: '1 of 3 shown' },
    { fragment: 'text=%E0%A4%A&state=none', shown: '0 of 3 shown' },
  ];
  for (const { fragment, shown } of cases) {
    it(`filters by ${fragment || 'nothing'}`, () => {
      const document = open(asHtml(entries, INFO), fragment);
      assert.match(document, /<div class="filter" id="filter">/);
      assert.ok(document.includes(`<output id="shown">${shown}</output>`), document.slice(-2_000));
      const hidden = document.match(/<tbody class="binding" data-state="\w+" hidden="">/g) ?? [];
      assert.equal(`${3 - hidden.length} of 3 shown`, shown);
    });
  }

  it('runs no script of a binding', () => {
    const document = open(
      asHtml(
        HOSTILE.map((text) => everywhere(text)),
        INFO,
      ),
    );
    assert.match(document, /<title>Image credential bindings<\/title>/);
    assert.doesNotMatch(document, /<img|<h1>owned|<\w+(?: [\w-]+="[^"]*")* on\w+=/);
  });

  it('runs no other script even if its markup were in the page', () => {
    const attack =
      '<script>document.title = "owned"</script><img src="x" onerror="document.title = \'owned\'">' +
      '<style>body { display: none }</style>';
    const page = asHtml([named('app', 'False')], INFO).replace('<h1>', `${attack}<h1>`);
    const document = open(page);
    assert.ok(document.includes('document.title = "owned"'));
    assert.match(document, /<title>Image credential bindings<\/title>/);
    assert.match(document, /1 of 1 shown/);
  });
});
