import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FilterError, parseFilter } from '../../src/sensor/filter.ts';
import { TERM_KEYS } from '../../src/sensor/filter-term.ts';
import { anyFacts } from '../event/arbitrary-facts.ts';
import {
  FINDING,
  sampleCertificate,
  sampleChain,
  sampleClientHello,
  sampleConnection,
  sampleFacts,
  sampleHandshake,
  sampleName,
  sampleServerHello,
  sampleShape,
} from '../event/sample-facts.ts';

const LEAF = sampleCertificate({
  subject: sampleName(['C', 'DE'], ['O', 'Müller GmbH'], ['CN', 'www.example.com']),
  issuer: sampleName(['O', 'Example Trust'], ['CN', 'Example CA 1']),
});

const FACTS = sampleFacts({
  connection: sampleConnection({ srcIp: '192.0.2.10', srcPort: 50_123, destIp: '198.51.100.7', destPort: 8443 }),
  handshake: sampleHandshake({
    clientHello: sampleClientHello({
      serverName: 'www.example.com',
      shape: sampleShape({ ja3: 'a3afc2c46ba4a7d7fbe1cfb7a3031c2f', ja4: 't13d311000_e8f1e7e78f70_1f22a2ca17c4' }),
    }),
    serverHello: sampleServerHello({ version: 0x0303, ja3s: 'ec74a5c51106f0419184d0dd08fb05bc' }),
    serverCertificates: sampleChain(LEAF, sampleCertificate({ sha256: 'feed'.repeat(16) })),
    certVisibility: 'clear',
  }),
  score: { ...FINDING, risk: 5, level: 'High' },
});

const V6 = sampleFacts({ connection: sampleConnection({ srcIp: '2001:db8::1', destIp: '2001:db8:ffff::7' }) });

function matches(filter: string, facts = FACTS): boolean {
  return parseFilter(filter)(facts);
}

/** `column: message` */
function refusalOf(filter: string): string {
  try {
    parseFilter(filter);
  } catch (error) {
    if (error instanceof FilterError) return error.message;
    throw error;
  }
  return 'was read';
}

/** 0 where the filter was read. Whatever is no `FilterError` is a failure of the test. */
function refusedColumn(filter: string): number {
  try {
    parseFilter(filter);
    return 0;
  } catch (error) {
    if (error instanceof FilterError) return error.column;
    throw error;
  }
}

describe('parseFilter', () => {
  it.each([
    'host 192.0.2.10',
    'host 198.51.100.7',
    'src 192.0.2.10',
    'src host 192.0.2.10',
    'dst 198.51.100.0/24',
    'dst net 198.51.100.0/24',
    'net 192.0.2.0/28',
    'net 0.0.0.0/0',
    'port 8443',
    'port 50123',
    'dst port 8000-8999',
    'src port 50123',
    'sni www.example.com',
    'sni WWW.Example.Com',
    'sni *.example.com',
    'sni *',
    'sni w*.ex*le.c*',
    'subject "müller gmbh"',
    "subject 'CN=www'",
    'issuer trust',
    'cert 4983a8a16d7e3954',
    'cert 49:83:A8:A1:6D',
    `cert ${'feed'.repeat(16)}`,
    'cert aeae9d28724cf52cb8121c7aada7ec12784a2a64',
    'version TLSv1.2',
    'version tlsv1.*',
    'protocol tls',
    'visibility clear',
    'level high',
    'risk >= 3',
    'risk>=5',
    'risk > 4',
    'risk <= 5',
    'risk < 6',
    'risk = 5',
    'risk != 4',
    'ja3 A3AFC2C46BA4A7D7FBE1CFB7A3031C2F',
    'ja3s ec74a5c51106f0419184d0dd08fb05bc',
    'ja4 t13d311000_*',
    `reason ${FINDING.reasons[0]!.id}`,
    'PORT 8443 AND Level High',
    'port 1 or port 8443',
    'not port 1',
    '!(port 1)',
    'not not port 8443',
    'port 8443 && risk >= 3 || port 1',
    '((port 8443))',
  ])('finds the handshake with: %s', (filter) => {
    expect(matches(filter)).toBe(true);
  });

  it.each([
    'host 192.0.2.11',
    'src 198.51.100.7',
    'dst 192.0.2.10',
    'net 203.0.113.0/24',
    'src port 8443',
    'dst port 1-442',
    'sni example.com',
    'sni *.example.org',
    'sni www.example.com*www.example.com',
    'sni ""',
    'subject example.org',
    'issuer müller',
    'cert 00000000',
    'version TLSv1.3',
    'version none',
    'visibility lost',
    'level low',
    'risk > 5',
    'ja4 t13d31*x',
    'reason nothing',
    'not port 8443',
    'port 1 or port 2 and port 8443',
    '(port 8443 or port 1) and port 2',
  ])('passes the handshake over with: %s', (filter) => {
    expect(matches(filter)).toBe(false);
  });

  it('knows an IPv6 address in any spelling, and its networks', () => {
    expect(matches('src 2001:DB8:0:0::1', V6)).toBe(true);
    expect(matches('net 2001:db8:ffff::/48', V6)).toBe(true);
    expect(matches('net 2001:db8:fffe::/48', V6)).toBe(false);
    expect(matches('net 192.0.2.0/24', V6)).toBe(false);
    expect(matches('net 2001:db8::/32', FACTS)).toBe(false);
  });

  it('binds "and" tighter than "or"', () => {
    expect(matches('port 8443 or port 1 and port 2')).toBe(true);
    expect(matches('(port 8443 or port 1) and port 2')).toBe(false);
  });

  it('finds handshakes in which nothing was answered or named', () => {
    const silent = sampleFacts({
      handshake: sampleHandshake({ clientHello: null, serverHello: null, serverCertificates: null }),
    });
    expect(matches('version none and sni ""', silent)).toBe(true);
    expect(matches('version *', FACTS)).toBe(true);
    expect(matches('subject ""', silent)).toBe(false);
  });
});

describe('a filter that can not be read', () => {
  it.each([
    ['', 'column 1: expected a term: '],
    ['   ', 'column 4: expected a term: '],
    ['port', 'column 5: port wants a port or a range as 8000-8999, but the filter ends here'],
    ['port 443 adn sni x', 'column 10: expected "and" or "or"; did you mean "and"?'],
    ['port 443 sni x', 'column 10: expected "and" or "or" before "sni"'],
    ['prot 443', 'column 1: "prot" is no term; did you mean "port"?'],
    ['xyzzy 1', 'column 1: "xyzzy" is no term; expected host, net, port,'],
    ['port 65536', 'column 6: "65536" is neither a port nor a range as 8000-8999'],
    ['port 9-1', 'column 6: "9-1" is neither a port nor a range as 8000-8999'],
    ['host www.example.com', 'column 6: "www.example.com" is no IP address; names are found with sni'],
    ['host 192.0.2.0/24', 'column 6: "192.0.2.0/24" is no IP address'],
    ['net 192.0.2.0/33', 'column 5: the length of a network of IPv4 is 0 to 32, not "33"'],
    ['net 192.0.2.0/', 'column 5: the length of a network of IPv4 is 0 to 32, not ""'],
    ['net ::/129', 'column 5: the length of a network of IPv6 is 0 to 128, not "129"'],
    ['src', 'column 4: net wants an IP address or a network'],
    ['src port x', 'column 10: "x" is neither a port'],
    ['level hihg', 'column 7: expected one of High, Medium, Low, None, not "hihg"; did you mean "High"?'],
    ['visibility gone', 'column 12: expected one of clear, encrypted_tls13,'],
    ['version TLSv1.4', 'column 9: expected one of SSLv2,'],
    ['cert xyz', 'column 6: cert wants the SHA-256'],
    ['risk 3', 'column 6: risk wants a comparison and a whole number: risk >= 3'],
    ['risk >= x', 'column 9: risk wants a comparison'],
    ['risk >=', 'column 8: risk wants a comparison'],
    ['risk', 'column 5: risk wants a comparison'],
    ['risk ( 3', 'column 6: risk wants a comparison'],
    ['(port 1', 'column 8: the parenthesis of column 1 is not closed'],
    [
      '(port 1 port 2)',
      'column 9: expected "and", "or" or ")" before "port"; the parenthesis of column 1 is not closed',
    ],
    ['port 1)', 'column 7: this parenthesis was never opened'],
    ['port 1 and', 'column 11: expected a term: '],
    ['and port 1', 'column 1: "and" is no term'],
    ['port 1 & port 2', 'column 8: & alone means nothing; write "and" or "or"'],
    ['sni "www', 'column 5: this quotation mark " is not closed'],
    [
      'sni and port 1',
      'column 5: sni wants a name, in which * stands for anything; "" for handshakes without one, but found the word "and"; put it in quotation marks',
    ],
    ['sni (x)', 'column 5: sni wants a name'],
    ['"port" 443', 'column 1: expected a term instead of "port"'],
    ['toString x', 'column 1: "toString" is no term'],
    ['sni __proto__ constructor', 'column 15: expected "and" or "or" before "constructor"'],
  ])('%s', (filter, refusal) => {
    expect(refusalOf(filter)).toContain(refusal);
    expect(refusalOf(filter).startsWith(refusal.slice(0, 9))).toBe(true);
  });

  it('is not nested without end, nor endless', () => {
    expect(refusalOf(`${'('.repeat(200)}port 1${')'.repeat(200)}`)).toBe('column 101: nested deeper than 100');
    expect(refusalOf(`${'not '.repeat(5000)}port 1`)).toContain('longer than 10000 characters');
    expect(refusalOf(`${'!'.repeat(5000)}port 1`)).toContain('nested deeper');
    expect(refusalOf(`${'port 1 or '.repeat(900)}port 1`)).toBe('was read');
  });

  it('shows no control character', () => {
    expect(refusalOf('sn\u001b[2J x')).toBe(
      `column 1: "sn\\u{1b}[2J" is no term; expected ${[...TERM_KEYS.keys(), 'src', 'dst', 'risk'].join(', ')}`,
    );
  });
});

const WORDS = [
  ...TERM_KEYS.keys(),
  'src',
  'dst',
  'risk',
  'and',
  'or',
  'not',
  '(',
  ')',
  '>=',
  '!',
  '"x y"',
  '443',
  '10.0.0.0/8',
  '::1',
  '*',
  'abcdef12',
  'High',
  'clear',
  'TLSv1.2',
  '3',
  "'",
  '&',
];

describe('whatever is typed', () => {
  it('is read or refused with a FilterError inside the text, and reads any facts without a throw', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(texts, anyFacts, (text, facts) => {
        const column = refusedColumn(text);
        expect(column).toBeGreaterThanOrEqual(0);
        expect(column).toBeLessThanOrEqual(text.length + 1);
        expect(column > 0 || typeof parseFilter(text)(facts) === 'boolean').toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('means the opposite with "not" before it', () => {
    const terms = fc.constantFrom(
      'port 443',
      'sni *',
      'risk >= 3',
      'level none',
      'visibility clear',
      'net 192.0.2.0/24',
      'version *',
    );
    fc.assert(
      fc.property(terms, terms, anyFacts, (a, b, facts) => {
        expect(matches(`not (${a})`, facts)).toBe(!matches(a, facts));
        expect(matches(`not (${a} and ${b})`, facts)).toBe(matches(`not ${a} or not ${b}`, facts));
      }),
    );
  });
});
