import { describe, expect, it } from 'vitest';
import { PUBLISHED_SEARCH, rowOfEnvelope, runSearch } from './run-search.ts';
import { SplError } from './tokens.ts';

const EVENT = {
  index: 'network',
  sourcetype: 'stream:ssl',
  _time: 1_700_000_000,
  src_ip: '192.0.2.10',
  dest_ip: '198.51.100.7',
  dest_port: 443,
  ssl_subject: 'CN=localhost',
  ssl_issuer: 'CN=localhost',
};

function evaluate(expression: string, fields: Record<string, unknown> = {}): unknown {
  const [row] = runSearch(`index=x | eval result=${expression}`, [{ index: 'x', ...fields }]);
  const { result } = row!;
  return result;
}

function holds(condition: string, fields: Record<string, unknown> = {}): boolean {
  return runSearch(`index=x | where ${condition}`, [{ index: 'x', ...fields }]).length === 1;
}

function finds(search: string, fields: Record<string, unknown>): boolean {
  return runSearch(search, [fields]).length === 1;
}

describe('the published search', () => {
  it('reports one row with the fields of its table, and only those the event has', () => {
    expect(runSearch(PUBLISHED_SEARCH, [{ ...EVENT, ja4: 't13d', ssl_chain: [{ sha256: 'aa' }] }])).toEqual([
      {
        _time: '1700000000',
        src_ip: '192.0.2.10',
        dest_ip: '198.51.100.7',
        dest_port: '443',
        ssl_subject: 'CN=localhost',
        ssl_issuer: 'CN=localhost',
        SelfSignedScore: 3,
        WeakCNScore: 2,
        MismatchScore: 0,
        CertRiskScore: 5,
        CertRiskLevel: 'High',
      },
    ]);
  });

  it.each([
    ['ssl_cn', 'tls_cert_issuer', 'pan:traffic'],
    ['tls_cert_subject', 'ssl_cert_issuer', 'cisco:asa'],
    ['ssl_certificate_subject', 'ssl_certificate_issuer', 'fortigate_traffic'],
  ])('reads subject from %s and issuer from %s of %s', (subject, issuer, sourcetype) => {
    const { ssl_subject, ssl_issuer, ...rest } = EVENT;
    const event = { ...rest, sourcetype, [subject]: ssl_subject, [issuer]: ssl_issuer };
    expect(runSearch(PUBLISHED_SEARCH, [event])).toMatchObject([{ ssl_subject, ssl_issuer, CertRiskScore: 5 }]);
  });

  it('does not see another index or sourcetype, nor a connection that was stopped', () => {
    const events = [
      { ...EVENT, index: 'main' },
      { ...EVENT, sourcetype: 'stream:tcp' },
      { ...EVENT, sourcetype: undefined },
      { ...EVENT, action: 'Blocked' },
    ];
    expect(runSearch(PUBLISHED_SEARCH, events)).toEqual([]);
    expect(runSearch(PUBLISHED_SEARCH, [{ ...EVENT, index: 'NETWORK', action: 'allowed' }])).toHaveLength(1);
  });

  it('does not see a subject that is an element of an array', () => {
    const event = { ...EVENT, ssl_subject: ['CN=localhost'], ssl_issuer: ['CN=localhost'] };
    expect(runSearch(PUBLISHED_SEARCH, [event])).toEqual([]);
  });

  it('sorts by score, then by time, latest first', () => {
    const low = { ...EVENT, ssl_issuer: 'CN=CA' };
    const events = [
      { ...low, _time: 9 },
      { ...EVENT, _time: 9 },
      { ...EVENT, _time: 10 },
      { ...low, _time: 100 },
    ];
    expect(runSearch(PUBLISHED_SEARCH, events).map(({ _time }) => _time)).toEqual(['10', '9', '100', '9']);
  });
});

describe('an envelope', () => {
  it('lends its event what Splunk takes from it', () => {
    const { index, sourcetype, _time, ...event } = EVENT;
    const row = rowOfEnvelope({ event, sourcetype, time: _time, fields: { sensor: 's1' } }, index);
    expect(row).toMatchObject({ index: 'network', sourcetype: 'stream:ssl', sensor: 's1', _time });
    expect(runSearch(PUBLISHED_SEARCH, [row])).toHaveLength(1);
  });
});

describe('the base search', () => {
  it('binds OR tighter than AND', () => {
    expect(finds('a=1 AND b=1 OR c=1', { a: 0, c: 1 })).toBe(false);
    expect(finds('a=1 b=1 OR c=1', { a: 1, c: 1 })).toBe(true);
  });

  it('applies NOT to one term, and passes an absent field', () => {
    expect(finds('NOT a=1 b=1', { b: 1 })).toBe(true);
    expect(finds('NOT a=1 b=1', { a: 1, b: 1 })).toBe(false);
    expect(finds('b=1 NOT (a=1 OR a=2)', { a: 2, b: 1 })).toBe(false);
  });

  it('takes terms in brackets side by side', () => {
    expect(finds('(a=1) (b=1) (c=1)', { a: 1, b: 1, c: 1 })).toBe(true);
    expect(finds('(a=1) (b=1) (c=1)', { a: 1, b: 1 })).toBe(false);
  });

  it('compares values without regard to case', () => {
    expect(finds('a="Denied"', { a: 'DENIED' })).toBe(true);
    expect(finds('a="Denied"', { a: 'allowed' })).toBe(false);
  });
});

describe('expressions', () => {
  it('compare numbers as numbers and text by case', () => {
    expect(holds('a==b', { a: '1.0', b: 1 })).toBe(true);
    expect(holds('a==b', { a: 'x', b: 'X' })).toBe(false);
    expect(holds('a>9', { a: '10' })).toBe(true);
    expect(holds('a>"9"', { a: 'a' })).toBe(true);
    expect(holds('a IN (443, 8443)', { a: '443' })).toBe(true);
    expect(holds('a IN (443, 8443)', { a: '4430' })).toBe(false);
  });

  it('bind NOT, AND, OR in this order', () => {
    expect(holds('1==1 OR 1==2 AND 1==2')).toBe(true);
    expect(holds('(1==1 OR 1==2) AND 1==2')).toBe(false);
    expect(holds('NOT 1==2 AND 1==1')).toBe(true);
  });

  it('know null from false', () => {
    expect(holds('absent==1')).toBe(false);
    expect(holds('NOT absent==1')).toBe(false);
    expect(holds('NOT absent IN (1)')).toBe(false);
    expect(holds('absent==1 OR 1==1')).toBe(true);
    expect(holds('NOT (absent==1 AND 1==2)')).toBe(true);
    expect(evaluate('if(absent==1, "yes", "no")')).toBe('no');
    expect(evaluate('absent."x"')).toBeUndefined();
    expect(evaluate('lower(absent)')).toBeUndefined();
    expect(holds('isnotnull(a)', { a: '' })).toBe(true);
    expect(holds('isnotnull(a)', { a: null })).toBe(false);
  });

  it('call the functions of the search', () => {
    expect(evaluate('coalesce(a, b, "c")', { b: 'B' })).toBe('B');
    expect(evaluate('lower("ÄB")')).toBe('äb');
    expect(evaluate('len("äb")')).toBe(2);
    expect(evaluate('replace("cn=*.a.cn=b", "cn=\\*\\.", "")')).toBe('a.cn=b');
    expect(evaluate('replace("a$b", "b", "$&")')).toBe('a$$&');
    expect(evaluate('if(match("a test", "\\btest\\b"), 1, 0)')).toBe(1);
    expect(evaluate('if(match("éa", "\\w"), 1, 0)')).toBe(1);
    expect(evaluate('if(like("abc", "%_c"), 1, 0)')).toBe(1);
    expect(evaluate('if(like("abc", "b%"), 1, 0)')).toBe(0);
    expect(evaluate('case(1==2, "a", 1==1, "b")')).toBe('b');
    expect(evaluate('case(1==2, "a")')).toBeUndefined();
    expect(evaluate('1 + "2" + 3')).toBe(6);
    expect(evaluate('"a"."b".1')).toBe('ab1');
    expect(evaluate('"\\"q\\" \\\\ \\d"')).toBe('"q" \\ \\d');
  });

  it('see earlier assignments of the same eval', () => {
    expect(runSearch('index=x | eval a=1, b=a+1 | table b', [{ index: 'x' }])).toEqual([{ b: 2 }]);
  });
});

describe('sort', () => {
  const rows = [{ n: '9' }, { n: '10' }, { n: 'a' }, {}].map((row) => ({ index: 'x', ...row }));

  it('orders numbers as numbers, before text, and absent ones first', () => {
    expect(runSearch('index=x | sort n | table n', rows)).toEqual([{}, { n: '9' }, { n: '10' }, { n: 'a' }]);
    expect(runSearch('index=x | sort - n | table n', rows)).toEqual([{ n: 'a' }, { n: '10' }, { n: '9' }, {}]);
  });

  it('keeps the count, 10 000 without one, and all for 0', () => {
    const many = Array.from({ length: 10_001 }, () => ({ index: 'x', n: 1 }));
    expect(runSearch('index=x | sort 2 n', rows)).toHaveLength(2);
    expect(runSearch('index=x | sort n', many)).toHaveLength(10_000);
    expect(runSearch('index=x | sort 0 n', many)).toHaveLength(10_001);
  });
});

describe('what is not understood is refused', () => {
  it.each([
    ['index=x | stats count', 'the command stats'],
    ['index=x | eval a=upper(b)', 'the function upper'],
    ['index=x | eval a=lower(b, c)', 'takes another number of arguments'],
    ['index=x* ', 'a wildcard'],
    ['index="x*"', 'a wildcard in quotes'],
    ['index=x | eval a="tab\\t"', 'an escaped tab'],
    ['index=x | where a==', 'half a comparison'],
    ['index=x | where (a==1', 'an open bracket'],
    ['index=x | where "open', 'an open quote'],
    ['index=x )', 'a stray bracket'],
    ['index', 'a bare word'],
    ['index=x | where a==1 b', 'a stray word'],
  ])('%s: %s', (spl) => {
    expect(() => runSearch(spl, [{ index: 'x' }])).toThrow(SplError);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['eval a=(1==1)', {}, 'a condition in a field'],
    ['where a', { a: '1' }, 'a value as a condition'],
    ['eval b="x"+1', {}, 'a sum of text'],
    ['eval b=replace("a", "(a)", "\\1")', {}, 'a reference'],
  ])('%s of %j: %s', (command, fields) => {
    expect(() => runSearch(`index=x | ${command}`, [{ index: 'x', ...fields }])).toThrow(TypeError);
  });
});
