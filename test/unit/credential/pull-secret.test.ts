import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import type { Credential } from '../../../src/credential/credential.ts';
import { type PullSecretContent, parsePullSecret } from '../../../src/credential/pull-secret.ts';
import { operationsOf } from '../../support/operations.ts';
import { base64, DOCKER_CONFIG_JSON, messagesOf, parseAuths, parseDockercfg, parseText } from './secrets.ts';

const CANARY = 'Canary-7f3a';
const GUID = '00000000-0000-0000-0000-000000000000';

type Plain = Readonly<Record<string, string>>;

/** An entry of one registry key, and the expected credential. */
const ENTRIES: Readonly<Record<string, readonly [entry: unknown, expected: Plain]>> = {
  'padded auth': [{ auth: 'dTpwYQ==' }, { kind: 'basic', username: 'u', password: 'pa' }],
  'unpadded auth': [{ auth: 'dTpwYQ' }, { kind: 'basic', username: 'u', password: 'pa' }],
  'auth that needs no padding': [{ auth: 'dTpw' }, { kind: 'basic', username: 'u', password: 'p' }],
  'auth with line breaks': [{ auth: 'dTpw\r\nYQ==\n' }, { kind: 'basic', username: 'u', password: 'pa' }],
  'username and password': [
    { username: 'u', password: 'p' },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  'auth in preference to username and password': [
    { username: 'old', password: 'old', auth: base64('u:p') },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  'username and password next to an empty auth': [
    { username: 'u', password: 'p', auth: '' },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  'null fields like absent ones': [
    { username: 'u', password: 'p', auth: null, email: null },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  'field names in any letter case': [
    { Username: 'u', PASSWORD: 'p' },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  'field names with letters that Go folds': [
    { uſername: 'u', paſſWord: 'p' },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  'the last of several fields that differ only in letter case': [
    { username: 'old', Username: 'u', password: 'p', PASSWORD: null },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  'username and password next to tokens of the wrong type': [
    { auth: base64('u:p'), identitytoken: 5, registrytoken: [] },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  'half of a surrogate pair as U+FFFD': [
    { username: 'u', password: 'p\uD800' },
    { kind: 'basic', username: 'u', password: 'p\uFFFD' },
  ],
  'a password with colons': [{ auth: base64('u:p:q:') }, { kind: 'basic', username: 'u', password: 'p:q:' }],
  'a password in any script': [
    { auth: base64('ü:pä🔑') },
    { kind: 'basic', username: 'ü', password: 'pä🔑' },
  ],
  'a password that is JSON': [
    { auth: base64('_json_key:{"type":"service_account"}') },
    { kind: 'basic', username: '_json_key', password: '{"type":"service_account"}' },
  ],
  'a username with a colon inside': [
    { username: 'a:b', password: 'p' },
    { kind: 'basic', username: 'a:b', password: 'p' },
  ],
  'control characters and line breaks unchanged': [
    { auth: base64('u\t:p\n') },
    { kind: 'basic', username: 'u\t', password: 'p\n' },
  ],
  'an identity token with a username': [
    { auth: base64(`${GUID}:`), identitytoken: 't' },
    { kind: 'identityToken', username: GUID, token: 't' },
  ],
  'an identity token alone': [{ identitytoken: 't' }, { kind: 'identityToken', username: '', token: 't' }],
  'a registry token': [{ registrytoken: 't' }, { kind: 'registryToken', token: 't' }],
  'a registry token in preference to an identity token': [
    { identitytoken: 'i', registrytoken: 'r' },
    { kind: 'registryToken', token: 'r' },
  ],
  'username and password in preference to tokens': [
    { auth: base64('u:p'), identitytoken: 'i', registrytoken: 'r' },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
};

/** Entries without a usable credential. Their values contain the canary. */
const BROKEN: Readonly<Record<string, readonly [entry: unknown, problem: RegExp]>> = {
  'that is not an object': [CANARY, /expected an object .* found a string/],
  'that is a list': [[CANARY], /found a list/],
  'that is null': [null, /found null/],
  'that is empty': [{}, /expected a credential, found none/],
  'with only an e-mail address': [{ email: CANARY }, /expected a credential, found none/],
  'with an empty username': [{ auth: base64(`:${CANARY}`) }, /expected a user name/],
  'with only a password': [{ password: CANARY }, /expected a user name/],
  'whose auth has no colon': [{ auth: base64(CANARY) }, /found no colon/],
  'whose auth is not base64': [{ auth: `${CANARY}!` }, /expected standard base64/],
  'whose auth is base64 for URLs': [{ auth: `${CANARY}_` }, /expected standard base64/],
  'whose auth contains a space': [{ auth: `${base64(CANARY)} ` }, /expected standard base64/],
  'whose auth has too much padding': [{ auth: 'dTpw====' }, /expected standard base64/],
  'whose auth has too little padding': [{ auth: 'dTpwYQ=' }, /expected standard base64/],
  'whose auth has a length that base64 cannot have': [{ auth: 'dTpwY' }, /expected standard base64/],
  'whose auth is not UTF-8': [{ auth: base64(Buffer.from(`u:${CANARY}ä`, 'latin1')) }, /expected UTF-8/],
  'whose auth is a number': [{ auth: 7 }, /expected a string in the field "auth", found a number/],
  'whose password is an object': [
    { username: CANARY, password: { x: CANARY } },
    /"password", found an object/,
  ],
  'with an empty password': [{ auth: base64(`${CANARY}:`) }, /found an empty one.*use it as the password/],
  'with an empty password in a field of its own': [
    { username: CANARY, password: '' },
    /expected a password, found an empty one, and Trivy sends no credential/,
  ],
  'without a password': [{ username: CANARY }, /expected a password, found an empty one/],
  'whose username begins with a colon': [
    { username: `:${CANARY}`, password: 'p' },
    /found a colon at its beginning/,
  ],
  'whose password begins with NUL': [{ username: 'u', password: `\0${CANARY}` }, /NUL character/],
  'whose password ends with NUL': [{ auth: base64(`u:${CANARY}\0`) }, /NUL character/],
  'whose registry token contains a space': [{ registrytoken: `a ${CANARY}` }, /visible ASCII/],
  'whose registry token contains a line break': [{ registrytoken: `${CANARY}\n` }, /visible ASCII/],
  'whose registry token is not ASCII': [{ registrytoken: `${CANARY}é` }, /visible ASCII/],
  'whose auth is encoded twice': [{ auth: base64(base64(`u:${CANARY}`)) }, /encoded twice; encode it once/],
  'whose auth is encoded twice with a line break': [
    { auth: base64(`${base64(`u:${CANARY}`)}\n`) },
    /encoded twice/,
  ],
  'whose password is a number': [
    { username: CANARY, password: 12_345 },
    /"password", found a number; put the value in quotes/,
  ],
  'whose username is a boolean': [
    { username: true, password: CANARY },
    /found a boolean; put the value in quo/,
  ],
  'whose token is a number': [
    { identitytoken: 12_345 },
    /"identitytoken", found a number; put the value in q/,
  ],
  'whose token is a list': [{ identitytoken: [CANARY] }, /"identitytoken", found a list/],
};

const MALFORMED: Readonly<Record<string, readonly [secret: PullSecretContent, message: RegExp]>> = {
  'of another type': [parsePullSecret('Opaque', {}), /expected a Secret of type .* found "Opaque"/],
  'without the key': [parsePullSecret(DOCKER_CONFIG_JSON, {}), /expected a Docker configuration .* nothing/],
  'with another key': [
    parsePullSecret(DOCKER_CONFIG_JSON, { '.dockercfg': 'e30=' }),
    /the key \.dockerconfigjson, found the key \.dockercfg of a Secret of type kubernetes\.io\/dockercfg; create the Secret with/,
  ],
  'with an empty value': [parseText(''), /found nothing/],
  'with a value that is not base64': [
    parsePullSecret(DOCKER_CONFIG_JSON, { '.dockerconfigjson': `{"${CANARY}"` }),
    /expected base64/,
  ],
  'that is not JSON': [parseText(`{"auths": ${CANARY}`), /expected JSON .* at line 1, column 11; corr/],
  'that is truncated': [parseText(`{"auths": {"r.io": {"auth": "${CANARY}`), /expected JSON .* column 41;/],
  'that is a JSON list': [parseText(`["${CANARY}"]`), /expected an object .* found a list/],
  'that is a JSON string': [parseText(`"${CANARY}"`), /found a string/],
  'that is JSON null': [parseText('null'), /found null/],
  'of the older type with the key of the newer': [
    parsePullSecret('kubernetes.io/dockercfg', { '.dockerconfigjson': base64('{"auths":{}}') }),
    /the key \.dockercfg, found the key \.dockerconfigjson of a Secret of type kubernetes\.io\/dockerconfigjson; create the/,
  ],
  'of the older type with auths around its entries': [
    parseDockercfg(`{"auths": {"r.io": {"auth": "${CANARY}"}}}`),
    /found "auths" around it, as .*; create the Secret with the type kubernetes\.io\/dockerconfigjson/,
  ],
  'of the older type with a whole config.json': [
    parseDockercfg(`{"auths": {"r.io": {"auth": "${CANARY}"}}, "HttpHeaders": {"User-Agent": "x"}}`),
    /^expected .* found "auths" around it.* the type kubernetes\.io\/dockerconfigjson/,
  ],
  'of the older type with a config.json and its helpers': [
    parseDockercfg(`{"credsStore": "x", "AUTHS": {"r.io": {}}, "currentContext": "y", "plugins": {}}`),
    /found "auths" around it/,
  ],
  'that is encoded twice': [
    parseText(base64(JSON.stringify({ auths: { 'r.io': { auth: CANARY } } }))),
    /expected base64 of JSON .* encoded twice; encode it once, or put the JSON into stringData/,
  ],
  'that is encoded twice, in lines': [
    parseText(`${base64(`{"auths": {"r.io": {"auth": "${CANARY}"}}}`).replace(/.{20}/g, '$&\n')}\n`),
    /encoded twice/,
  ],
  'of the older type that is encoded twice': [
    parseDockercfg(base64(`{"r.io": {"auth": "${CANARY}"}}`)),
    /in the key \.dockercfg, found a value that is encoded twice/,
  ],
  'that is a JSON string with JSON in it': [
    parseText(JSON.stringify(`{"auths": {"r.io": {"auth": "${CANARY}"}}}`)),
    /found a string with the text of an object; remove the quotes around it/,
  ],
  'with a syntax error in its third line': [
    parseText(`{"auths": {\n  "r.io": {\n    "auth": ${CANARY}}}}`),
    /expected JSON .*, found a syntax error at line 3, column 13; correct the value/,
  ],
  'of the older type that is a JSON list': [parseDockercfg('[]'), /expected an object .* found a list/],
  'whose auths is removed by a second field': [
    parseText('{"auths":{"r.io":{"auth":"dTpw"}},"Auths":null}'),
    /"auths", found none/,
  ],
  'whose second auths is a string': [
    parseText(`{"auths":{"r.io":{"auth":"dTpw"}},"auths":"${CANARY}"}`),
    /"auths", found a string/,
  ],
  'without auths': [parseText('{}'), /expected an object "auths", found none/],
  'with its entries at the top level': [
    parseText(JSON.stringify({ 'r.io': { auth: CANARY } })),
    /expected an object "auths", found none/,
  ],
  'whose auths is null': [parseAuths(null), /found none/],
  'whose auths is a list': [parseAuths([{ auth: CANARY }]), /"auths", found a list/],
  'with only a credsStore': [
    parseText('{"credsStore":"desktop"}'),
    /credsStore or credHelpers.*put the cred/,
  ],
  'with only credHelpers': [parseText('{"credHelpers":{"gcr.io":"gcloud"}}'), /credsStore or credHelpers/],
};

/** Entries with a field of the maximum length plus a number of characters. */
const LONG: Readonly<Record<string, (more: number) => unknown>> = {
  'a username of 4,096 characters': (more) => ({ auth: base64(`${'u'.repeat(4096 + more)}:p`) }),
  'a password of 65,536 characters': (more) => ({ auth: base64(`u:${'p'.repeat(65_536 + more)}`) }),
  'an identity token of 65,536 characters': (more) => ({ identitytoken: 't'.repeat(65_536 + more) }),
  'a registry token of 32,768 characters': (more) => ({ registrytoken: 't'.repeat(32_768 + more) }),
};

const NO_KEYS: readonly string[] = [
  '',
  'https://',
  '/team',
  'reg.io team',
  'reg.io:port',
  'reg?.io',
  'reg.io/team?x',
  'reg.io/te%6',
  're%67.io',
  'reg[12].io',
  '[::1]',
  '[reg.io',
  'rég.io',
  'ftp://reg.io',
  'HTTPS://reg.io',
  'reg.io//team',
  `reg.io/${'x'.repeat(1000)}`,
];

describe('parsePullSecret', () => {
  for (const [title, [entry, expected]] of Object.entries(ENTRIES)) {
    it(`reads ${title}`, () => {
      const secret = entriesOf(parseAuths({ 'r.io': entry }));
      assert.deepEqual(secret.problems, []);
      assert.deepEqual(
        secret.entries.map(({ registryKey, credential }) => ({ registryKey, ...revealed(credential) })),
        [{ registryKey: 'r.io', ...expected }],
      );
    });
  }

  for (const [title, [entry, problem]] of Object.entries(BROKEN)) {
    it(`reports an entry ${title}, and keeps the good ones`, () => {
      const good = { auth: base64('u:p') };
      const secret = entriesOf(parseAuths({ 'first.io': good, 'broken.io': entry, 'last.io': good }));
      assert.deepEqual(
        secret.entries.map(({ registryKey }) => registryKey),
        ['first.io', 'last.io'],
      );
      assert.equal(secret.problems.length, 1);
      assert.match(messagesOf(secret), /^entry "broken\.io": expected .*, found .*/);
      assert.match(messagesOf(secret), problem);
      assert.ok(!messagesOf(secret).includes(CANARY));
    });
  }

  for (const [title, [secret, message]] of Object.entries(MALFORMED)) {
    it(`treats a secret ${title} as malformed`, () => {
      assert.equal(secret.result, 'Malformed');
      assert.match(messagesOf(secret), message);
      assert.ok(!messagesOf(secret).includes(CANARY));
    });
  }

  for (const key of NO_KEYS) {
    it(`reports the key ${JSON.stringify(key.slice(0, 40))}, which names no registry`, () => {
      const secret = entriesOf(parseAuths({ [key]: { auth: base64('u:p') } }));
      assert.deepEqual(secret.entries, []);
      assert.match(messagesOf(secret), /^entry ".*expected a key such as/);
      assert.ok(messagesOf(secret).length < 500);
    });
  }

  it('never shows a key that may hold a password', () => {
    for (const key of [`https://u:${CANARY}@r.io`, `u:${CANARY}/x@r.io`, `r.io/@${CANARY}`]) {
      const secret = entriesOf(
        parseAuths({ 'r.io': { auth: base64('u:p') }, [key]: { auth: base64('u:p') } }),
      );
      assert.equal(secret.entries.length, 1);
      assert.match(messagesOf(secret), /^entry 2: expected a key/);
      assert.ok(!messagesOf(secret).includes(CANARY));
    }
  });

  it('ignores a byte order mark', () => {
    const text = JSON.stringify({ auths: { 'r.io': { auth: base64('u:p') } } });
    assert.equal(entriesOf(parseText(`\uFEFF${text}`)).entries.length, 1);
  });

  it('reads the older type, which has its entries at the top level', () => {
    const { entries, problems } = entriesOf(parseDockercfg('{"r.io":{"auth":"dTpw"},"s.io":{}}'));
    assert.deepEqual(
      entries.map(({ registryKey, credential }) => ({ registryKey, ...revealed(credential) })),
      [{ registryKey: 'r.io', kind: 'basic', username: 'u', password: 'p' }],
    );
    assert.match(problems.join(), /^entry "s\.io": expected a credential, found none/);
  });

  it('keeps the entries beside "auths" in the older type, because the kubelet finds them', () => {
    const text = `{"auths": {"a.io": {"auth": "${CANARY}"}}, "r.io": {"auth": "dTpw"}, "HttpHeaders": {}}`;
    const { entries, problems } = entriesOf(parseDockercfg(text));
    assert.deepEqual(
      entries.map(({ registryKey }) => registryKey),
      ['r.io'],
    );
    assert.match(problems[0] ?? '', /found "auths" around it/);
    assert.match(problems[1] ?? '', /^entry "HttpHeaders": expected a credential/);
    assert.equal(problems.length, 2);
    const without = entriesOf(parseDockercfg(`{"auths": {"a.io": {}}, "docker.io": {}}`));
    assert.equal(without.keyring.hosts.size, 2, 'docker.io prevents the fallback, as in the kubelet');
  });

  it('reads duplicate fields as Go does', () => {
    const text =
      '{"auths":{"gone.io":{"auth":"dTpw"}},"auths":null,"auths":{"a.io":{"auth":"dTpw"},"b.io":{}},' +
      '"AUTHS":{"b.io":{"auth":"dTpw","auth":null},"c.io":{"username":"u","username":"v","password":"p"}}}';
    const { entries, problems } = entriesOf(parseText(text));
    assert.deepEqual(
      entries.map(({ registryKey, credential }) => [registryKey, revealed(credential)['username']]),
      [
        ['a.io', 'u'],
        ['b.io', 'u'],
        ['c.io', 'v'],
      ],
    );
    assert.deepEqual(problems, []);
  });

  it('reads JSON that is nested 2,000 levels deep', () => {
    const deep = `${'[{"a":'.repeat(1_000)}1${'}]'.repeat(1_000)}`;
    const secret = parseText(`{"auths":{"r.io":{"auth":"dTpw","x":${deep}}}}`);
    assert.equal(entriesOf(secret).entries.length, 1);
  });

  it('accepts empty auths, without entries and without problems', () => {
    const { entries, problems } = entriesOf(parseAuths({}));
    assert.deepEqual([entries, problems], [[], []]);
  });

  it('keeps entries next to a credential helper, and reports the helper', () => {
    const auths = { 'r.io': { auth: base64('u:p') }, 'helped.io': {} };
    const secret = entriesOf(parseText(JSON.stringify({ auths, credsStore: 'desktop' })));
    assert.equal(secret.entries.length, 1);
    assert.match(secret.problems[0] ?? '', /entry "helped\.io": expected a credential/);
    assert.match(secret.problems[1] ?? '', /cannot be used here; put the credential into "auths"/);
  });

  it('treats keys that are special in JavaScript like any other', () => {
    const secret = entriesOf(
      parseText('{"auths":{"constructor":{"auth":"dTpw"},"__proto__.io":{"auth":"dTpw"}}}'),
    );
    assert.equal(secret.entries.length, 2);
  });
});

describe('the limits of parsePullSecret', () => {
  it('reads a Docker configuration of 256 KiB, and rejects a larger one as malformed before decoding', () => {
    const text = (length: number) => '{"auths":{"r.io":{"auth":"dTpw"}}}'.padEnd(length);
    assert.equal(entriesOf(parseText(text(256 * 1024))).entries.length, 1);
    const larger = parseText(text(950 * 1024));
    assert.equal(larger.result, 'Malformed');
    assert.match(
      messagesOf(larger),
      /^expected at most 256 KiB in the key \.dockerconfigjson, found 950 KiB; keep only the entries that this namespace needs/,
    );
    const value = base64(text(950 * 1024));
    assert.ok(operationsOf(() => parsePullSecret(DOCKER_CONFIG_JSON, { '.dockerconfigjson': value })) < 20);
  });

  it('reads 256 entries, and rejects a Secret with more as malformed', () => {
    const auths = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`r${index}.io`, { auth: 'dTpw' }]));
    assert.equal(entriesOf(parseAuths(auths(256))).entries.length, 256);
    assert.match(
      messagesOf(parseAuths(auths(257))),
      /^expected at most 256 entries in the key .*, found 257; keep/,
    );
    const older = parseDockercfg(JSON.stringify(auths(300)));
    assert.match(messagesOf(older), /^expected at most 256 entries in the key \.dockercfg, found 300; keep/);
  });

  it('stops reading after 16,384 JSON tokens, whatever follows', () => {
    const shapes: Readonly<Record<string, (count: number) => string>> = {
      'broken entries': (count) => `{"auths":{${repeated(count, (index) => `"${index}@":{}`)}}}`,
      'entries of one name': (count) => `{"auths":{${repeated(count, () => '"r.io":0')}}}`,
      'open lists': (count) => '['.repeat(count),
      lists: (count) => `${'['.repeat(count)}${']'.repeat(count)}`,
      objects: (count) => `${'{"":'.repeat(count)}0${'}'.repeat(count)}`,
      numbers: (count) => `{"auths":[${repeated(count, () => '1')}]}`,
    };
    for (const [title, textOf] of Object.entries(shapes)) {
      const [once, twice] = [17_000, 20_000].map((count) => {
        const bytes = textOf(count);
        assert.match(
          messagesOf(parseText(bytes)),
          /^expected at most 16384 JSON tokens .*, found more; keep/,
          title,
        );
        return operationsOf(() => parseText(bytes));
      });
      assert.equal(twice, once, title);
    }
  });

  it('does no more work for invalid JSON than for valid JSON', () => {
    const text = `{"auths":{"r.io":{"auth":"${'x'.repeat(100_000)}`;
    assert.match(messagesOf(parseText(text)), /expected JSON/);
    assert.ok(operationsOf(() => parseText(text)) < 5 * text.length);
    assert.match(messagesOf(parseText('\\'.repeat(100_000))), /expected JSON/);
  });

  for (const [title, field] of Object.entries(LONG)) {
    it(`reads ${title}, and reports an entry with a longer one`, () => {
      const good = entriesOf(parseAuths({ 'r.io': field(0) }));
      assert.deepEqual([good.entries.length, good.problems], [1, []]);
      const long = entriesOf(parseAuths({ 'long.io': field(1), 'r.io': { auth: 'dTpw' } }));
      assert.equal(long.entries.length, 1);
      assert.match(
        messagesOf(long),
        /^entry "long\.io": expected a (user name|password or token|registry token) of at most/,
      );
      assert.ok(messagesOf(long).length < 200);
    });
  }

  it('keeps a short sentence about each broken entry, with its key escaped and truncated', () => {
    const key = `\u202e\u0085\u001b\u200b${'k'.repeat(400)}`;
    const auths = Array.from({ length: 256 }, (_, index) => [`${key}${index}`, { auth: 'dTpw' }]);
    const { problems } = entriesOf(parseAuths(Object.fromEntries(auths)));
    assert.equal(problems.length, 256);
    assert.match(problems[0] ?? '', /^entry "\\u202e\\u0085\\u001b\\u200bk+"… \(405 characters\): expected/);
    for (const problem of problems) assert.ok(problem.length < 500 && /^[ -~…]+$/.test(problem), problem);
  });

  it('leaves out entries whose key has a character outside printable ASCII', () => {
    const keys = ['reg.io/\u202eteam', 'reg.io/te\u0085am', 'reg.io/tëam', 'reg.io/team%23\u2066'];
    const secret = entriesOf(parseAuths(Object.fromEntries(keys.map((key) => [key, { auth: 'dTpw' }]))));
    assert.deepEqual(secret.entries, []);
    assert.equal(secret.problems.length, keys.length);
  });

  it('never throws for a JSON document, with or without the shape of a Docker configuration', () => {
    const entry = fc.oneof(fc.jsonValue(), fc.record(LIKELY_FIELDS, { requiredKeys: [] }));
    const config = fc.record({ auths: fc.oneof(fc.jsonValue(), fc.dictionary(fc.webUrl(), entry)) });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), config), (value) => {
        assert.match(parseText(JSON.stringify(value)).result, /^(Entries|Malformed)$/);
      }),
    );
  });

  it('never throws, whatever the bytes, type and value', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseText(bytes)));
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.string()), (type, data) => {
        parsePullSecret(type, data);
        parsePullSecret(DOCKER_CONFIG_JSON, { ...data, '.dockerconfigjson': type });
      }),
    );
  });

  it('shows no value in a message or when printed, however an entry or the text is broken', () => {
    fc.assert(
      fc.property(brokenTexts, (text) => {
        const secret = parseText(text);
        const shown = [messagesOf(secret), inspect(secret, { depth: 9 }), JSON.stringify(secret)].join('\n');
        for (const leak of [CANARY, base64(CANARY), 'Canary', base64(`u:${CANARY}`)]) {
          assert.ok(!shown.includes(leak), shown);
        }
      }),
    );
  });
});

function repeated(count: number, part: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => part(index)).join();
}

const canaries = fc.constantFrom<unknown>(
  CANARY,
  base64(CANARY),
  base64(`u:${CANARY}`),
  base64(`${CANARY}:${CANARY}`),
  `${base64(`u:${CANARY}`)}!`,
  base64(`:${CANARY}`),
  [CANARY],
  { [CANARY]: CANARY },
  '',
  null,
);

const LIKELY_FIELDS = {
  auth: canaries,
  username: canaries,
  password: canaries,
  email: canaries,
  identitytoken: canaries,
  registrytoken: canaries,
};

/** Docker configurations full of canaries: intact, truncated, with an extra character, or without auths. */
const brokenTexts = fc
  .tuple(
    fc.dictionary(fc.domain(), fc.oneof(canaries, fc.record(LIKELY_FIELDS, { requiredKeys: [] })), {
      minKeys: 1,
    }),
    fc.nat(),
    fc.constantFrom('whole', 'cut', 'insert', 'bare'),
  )
  .map(([auths, position, damage]) => {
    const text = JSON.stringify(damage === 'bare' ? auths : { auths });
    const at = position % text.length;
    if (damage === 'cut') {
      return text.slice(0, at);
    }
    return damage === 'insert' ? `${text.slice(0, at)}"${text.slice(at)}` : text;
  });

function entriesOf(secret: PullSecretContent): Extract<PullSecretContent, { result: 'Entries' }> {
  assert.equal(secret.result, 'Entries', messagesOf(secret));
  return secret;
}

function revealed(credential: Credential | undefined): Plain {
  assert.ok(credential !== undefined);
  const { kind, ...values } = credential;
  const plain = Object.entries(values).map(([name, value]) => [name, value.reveal()]);
  return { kind, ...Object.fromEntries(plain) };
}
