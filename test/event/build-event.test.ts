import { describe, expect, it } from 'vitest';

import { EventBuilder } from '../../src/event/build-event.ts';
import { encodeEvent } from '../../src/event/encode-event.ts';
import { decodeEvent } from '../../src/event/generated/event-message.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { PROFILES } from '../../src/event/profile.ts';
import { builder, decodedOf, eventOf, lineOf } from './built-events.ts';
import {
  emptyCertificate,
  FINDING,
  IDENTITY,
  NO_NAMES,
  START_US,
  sampleCertificate,
  sampleChain,
  sampleClientHello,
  sampleConnection,
  sampleFacts,
  sampleHandshake,
  sampleName,
  sampleServerHello,
  sampleShape,
} from './sample-facts.ts';

describe('a usual handshake', () => {
  it('is one line with an envelope of known keys, its time written from whole microseconds', () => {
    const line = lineOf(sampleFacts());
    expect(
      line.startsWith(
        '{"time":1700000000.123456,"host":"span-1","source":"stream:ssl","sourcetype":"stream:ssl","event":{',
      ),
    ).toBe(true);
    expect(line.endsWith('}}\n')).toBe(true);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(Object.keys(JSON.parse(line))).toEqual(['time', 'host', 'source', 'sourcetype', 'event']);
  });

  it('has every field with its value', () => {
    expect(eventOf(sampleFacts())).toEqual({
      app: 'ssl',
      vendor_product: 'spanglass',
      sensor: 'span-1',
      capture_hostname: 'span-1',
      dvc: 'span-1',
      boot_id: IDENTITY.bootId,
      timestamp: '2023-11-14T22:13:20.123456Z',
      endtime: '2023-11-14T22:13:20.173456Z',
      ssl_time: 50_000,
      seq: 7,
      event_id: `${IDENTITY.bootId}-7`,
      src_ip: '192.0.2.10',
      src_port: 49_480,
      src_mac: '00:00:5e:00:53:01',
      dest_ip: '198.51.100.7',
      dest_port: 443,
      dest_mac: '00:00:5e:00:53:02',
      transport: 'tcp',
      bytes_in: 517,
      bytes_out: 4096,
      packets_in: 6,
      packets_out: 7,
      missing_packets_in: 0,
      missing_packets_out: 0,
      duplicate_packets_in: 0,
      duplicate_packets_out: 0,
      client_rtt: 300,
      server_rtt: 12_000,
      initial_rtt: 12_300,
      flow_id: `${IDENTITY.bootId}-f41`,
      community_id: '1:Kr2BF7+oH02ayxb3/2MC4EBahGs=',
      ssl_protocol: 'tls',
      protocol_stack: 'ip:tcp:ssl',
      action: 'allowed',
      dest_host: 'www.example.com',
      ssl_server_name: 'www.example.com',
      ssl_session_id: 'deadbeef',
      ssl_resumed: 0,
      ssl_established: 1,
      ssl_history: 'CsxknGIFif',
      cert_visibility: 'clear',
      ssl_client_hello_version: 'TLSv1.2',
      ssl_client_versions: ['TLSv1.3', 'TLSv1.2'],
      ssl_client_cipher_list: [0x1301, 0xc02f],
      ssl_client_cipher_names: ['TLS_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
      ssl_client_compression_methods: [0],
      ssl_alpn_client: ['h2', 'http/1.1'],
      ja3: '579ccef312d18482fc42e2b822ca2430',
      ja4: 't13d1715h2_5b57614c22b0_3d5424432f57',
      ssl_version: 'TLSv1.2',
      ssl_cipher_id: 0xc02f,
      ssl_cipher_name: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
      ssl_compression_method: 0,
      ssl_curve: 'x25519',
      ssl_alpn: 'http/1.1',
      ja3s: 'd154fcfa5bb4f0748e1dd1992c681104',
      ssl_subject: 'CN=www.example.com,O=Foo\\, INC=bar,C=US',
      ssl_issuer: "CN=R3,O=Let's Encrypt,C=US",
      ssl_subject_common_name: 'www.example.com',
      ssl_subject_organization: 'Foo, INC=bar',
      ssl_subject_country: 'US',
      ssl_issuer_common_name: 'R3',
      ssl_issuer_organization: "Let's Encrypt",
      ssl_issuer_country: 'US',
      ssl_name: 'www.example.com',
      ssl_subject_alt_name: [
        'www.example.com',
        'example.com',
        'IP:192.0.2.1',
        'email:a@example.com',
        'URI:https://example.com/',
        'DirName:CN=x',
        'otherName:1.2.3:y',
      ],
      ssl_serial: '912B084ACF0C18A753F6D62E25A75F5A',
      ssl_serialnumber: '192961496339968674994309121183282847578',
      ssl_validity_start: 'Jun 27 18:23:54 2023 GMT',
      ssl_validity_end: 'Apr  1 00:00:00 2024 GMT',
      ssl_start_time: 1_687_890_234,
      ssl_end_time: 1_711_929_600,
      ssl_validity_window: 24_039_366,
      ssl_hash: 'aeae9d28724cf52cb8121c7aada7ec12784a2a64',
      ssl_cert_md5: '0123456789abcdef0123456789abcdef',
      ssl_cert_sha1: 'aeae9d28724cf52cb8121c7aada7ec12784a2a64',
      ssl_cert_sha256: '4983a8a16d7e3954eceffda10e1a198388b334f71ba311acd99f89984739297e',
      ssl_cert_spki_sha256: '67add1166b020ae61b8f5fc96813c04c2aa589960796865572a3c7e737613dfd',
      ssl_cert_version: 3,
      ssl_cert_self_signed: 0,
      ssl_cert_self_issued: 0,
      ssl_signature_algorithm: 'sha256WithRSAEncryption',
      ssl_publickey_algorithm: 'rsaEncryption',
      ssl_publickey_bit_len: 2048,
      ssl_cert_key_exponent: '65537',
      ssl_cert_key_usage: ['digitalSignature', 'keyEncipherment'],
      ssl_cert_ext_key_usage: ['serverAuth'],
      ssl_cert_is_ca: 0,
      ssl_cert_subject_key_id: '0a0b',
      ssl_cert_authority_key_id: '0c0d',
      ssl_policies: ['2.23.140.1.2.1'],
      ssl_cert_ocsp_urls: ['http://r3.o.example'],
      ssl_cert_ca_issuer_urls: ['http://r3.i.example'],
      ssl_cert_crl_urls: ['http://r3.c.example'],
      ssl_cert_sct_count: 2,
      ssl_cert_sct_logs: ['aa'.repeat(32), 'bb'.repeat(32)],
      ssl_cert_sct_time: 1_687_890_299,
      ssl_chain: [
        {
          subject: 'CN=www.example.com,O=Foo\\, INC=bar,C=US',
          issuer: "CN=R3,O=Let's Encrypt,C=US",
          serial: '912B084ACF0C18A753F6D62E25A75F5A',
          not_before: '2023-06-27T18:23:54Z',
          not_after: '2024-04-01T00:00:00Z',
          sha1: 'aeae9d28724cf52cb8121c7aada7ec12784a2a64',
          sha256: '4983a8a16d7e3954eceffda10e1a198388b334f71ba311acd99f89984739297e',
          san_dns: ['www.example.com', 'example.com'],
        },
      ],
      ssl_is_valid: 1,
      cert_age_days: 140,
      SelfSignedScore: 0,
      WeakCNScore: 0,
      MismatchScore: 0,
      CertRiskScore: 0,
      CertRiskLevel: 'None',
    });
  });

  it('is the same the second time, when its fragments are there already', () => {
    const facts = sampleFacts();
    const fresh = new EventBuilder(IDENTITY, PROFILES['stream:ssl']);
    const first = lineOf(facts, fresh);
    expect(lineOf(facts, fresh)).toBe(first);
    const encoded = encodeEvent(fresh, facts);
    expect(encodeEvent(fresh, facts)).toEqual(encoded);
    expect(lineOf(facts, fresh)).toBe(first);
  });

  it('follows the one before it in the same buffer', () => {
    const w = new JsonWriter(16);
    builder.writeJson(sampleFacts({ seq: 1 }), w);
    builder.writeJson(sampleFacts({ seq: 2 }), w);
    const lines = Buffer.from(w.view()).toString().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).event.seq)).toEqual([1, 2]);
    w.reset();
    expect(w.view()).toHaveLength(0);
  });

  it('has its time in protobuf, which has no envelope', () => {
    expect(decodeEvent(encodeEvent(builder, sampleFacts())).time_us).toBe(START_US);
  });
});

describe('what was not seen', () => {
  it('leaves no certificate field in an event without a certificate', () => {
    const event = eventOf(
      sampleFacts({ handshake: sampleHandshake({ serverCertificates: null, certVisibility: 'encrypted_tls13' }) }),
    );
    expect(event.cert_visibility).toBe('encrypted_tls13');
    expect(event.dest_host).toBe('www.example.com');
    expect(
      Object.keys(event).filter((key) =>
        /^ssl_(subject|issuer|cert_|chain|serial|validity|is_valid|hash)|cert_age/.test(key),
      ),
    ).toEqual([]);
  });

  it('keeps of an unreadable certificate its hashes, its place and its faults', () => {
    const chain = sampleChain(emptyCertificate({ faults: ['der_truncated'], notAfterText: '20231301' }));
    const event = eventOf(sampleFacts({ handshake: sampleHandshake({ serverCertificates: chain }) }));
    expect(event.ssl_cert_faults).toEqual(['der_truncated']);
    expect(event.ssl_validity_end).toBe('20231301');
    expect(event.ssl_chain).toEqual([{ sha1: event.ssl_cert_sha1, sha256: event.ssl_cert_sha256 }]);
    for (const absent of ['ssl_subject', 'ssl_is_valid', 'ssl_cert_self_signed', 'cert_age_days', 'ssl_end_time']) {
      expect(event).not.toHaveProperty(absent);
    }
  });

  it('offers the version field as the version of a client without supported_versions', () => {
    const clientHello = sampleClientHello({ shape: sampleShape({ supportedVersions: [], legacyVersion: 0x0301 }) });
    const event = eventOf(sampleFacts({ handshake: sampleHandshake({ clientHello }) }));
    expect(event.ssl_client_versions).toEqual(['TLSv1.0']);
    expect(event.ssl_client_hello_version).toBe('TLSv1.0');
  });

  it('takes version, suite and group from a retry request where the hello is missing, but no fingerprint', () => {
    const helloRetryRequest = sampleServerHello({
      isHelloRetryRequest: true,
      version: 0x0304,
      cipherSuite: 0x1301,
      keyShareGroup: 0x0017,
    });
    const event = eventOf(
      sampleFacts({ handshake: sampleHandshake({ serverHello: null, helloRetryRequest, serverCertificates: null }) }),
    );
    expect(event).toMatchObject({
      ssl_version: 'TLSv1.3',
      ssl_cipher_id: 0x1301,
      ssl_curve: 'secp256r1',
      action: 'allowed',
    });
    expect(event).not.toHaveProperty('ja3s');
    expect(event).not.toHaveProperty('ssl_resumed');
  });
});

describe('action', () => {
  const unanswered = { serverHello: null, serverCertificates: null };

  it('is blocked when a ClientHello was answered by a reset', () => {
    const facts = sampleFacts({
      connection: sampleConnection({ isReset: true }),
      handshake: sampleHandshake(unanswered),
    });
    expect(eventOf(facts).action).toBe('blocked');
  });

  it('is absent when nothing answered, or only an alert', () => {
    const alert = { fromClient: false, level: 2, description: 40 };
    const event = eventOf(sampleFacts({ handshake: sampleHandshake({ ...unanswered, alert }) }));
    expect(event).not.toHaveProperty('action');
    expect(event).toMatchObject({ ssl_alert: 'handshake_failure', ssl_alert_from: 'server' });
  });

  it('stays allowed when a reset came after the answer', () => {
    expect(eventOf(sampleFacts({ connection: sampleConnection({ isReset: true }) })).action).toBe('allowed');
  });
});

describe('certificates', () => {
  it('has hashes in upper case when asked, in the chain too, and leaves other hex alone', () => {
    const upper = new EventBuilder(IDENTITY, PROFILES['stream:ssl'], { hashCase: 'upper' });
    const event = eventOf(sampleFacts(), upper);
    expect(event.ssl_cert_sha1).toBe('AEAE9D28724CF52CB8121C7AADA7EC12784A2A64');
    expect(event.ssl_hash).toBe(event.ssl_cert_sha1);
    expect(event.ssl_chain).toMatchObject([{ sha1: event.ssl_cert_sha1 }]);
    expect(event.ja3).toBe('579ccef312d18482fc42e2b822ca2430');
  });

  it('tells validity by packet time, to the second at both ends', () => {
    const at = START_US / 1_000_000;
    const isValid = (notBefore: number, notAfter: number) =>
      eventOf(
        sampleFacts({
          handshake: sampleHandshake({ serverCertificates: sampleChain(sampleCertificate({ notBefore, notAfter })) }),
        }),
      );
    expect(isValid(at, at)).toMatchObject({ ssl_is_valid: 1, cert_age_days: 0 });
    expect(isValid(at + 1, at + 2)).toMatchObject({ ssl_is_valid: 0, cert_age_days: -1 });
    expect(isValid(at - 86_400, at - 1)).toMatchObject({ ssl_is_valid: 0, cert_age_days: 1 });
    expect(isValid(-86_400, 86_400)).toMatchObject({
      ssl_start_time: -86_400,
      ssl_validity_start: 'Dec 31 00:00:00 1969 GMT',
    });
  });

  it('lets no other name pass for a host', () => {
    const san = { ...NO_NAMES, dns: ['IP:10.0.0.1', 'a.example'], ip: ['10.0.0.2'] };
    const chain = sampleChain(sampleCertificate({ san }));
    const event = eventOf(sampleFacts({ handshake: sampleHandshake({ serverCertificates: chain }) }));
    expect(event.ssl_subject_alt_name).toEqual(['DNS:IP:10.0.0.1', 'a.example', 'IP:10.0.0.2']);
  });

  it('takes the most specific of several common names, and the domain of an address', () => {
    const subject = sampleName(['CN', 'outer'], ['emailAddress', 'Root@Example.COM'], ['CN', 'inner']);
    const chain = sampleChain(sampleCertificate({ subject }));
    const event = eventOf(sampleFacts({ handshake: sampleHandshake({ serverCertificates: chain }) }));
    expect(event).toMatchObject({
      ssl_subject_common_name: 'inner',
      ssl_subject_email: 'Root@Example.COM',
      ssl_subject_email_domain: 'example.com',
    });
  });

  it('puts the client certificate under its own names', () => {
    const client = sampleChain(sampleCertificate({ subject: sampleName(['CN', 'alice']) }), sampleCertificate());
    const event = eventOf(sampleFacts({ handshake: sampleHandshake({ clientCertificates: client }) }));
    expect(event).toMatchObject({
      ssl_subject: 'CN=www.example.com,O=Foo\\, INC=bar,C=US',
      ssl_client_subject: 'CN=alice',
      ssl_client_subject_common_name: 'alice',
      ssl_client_is_valid: 1,
      ssl_client_chain: [{ subject: 'CN=alice' }, {}],
    });
  });
});

describe('the detection', () => {
  it('has scores, reasons and techniques, the one of the detection first', () => {
    expect(eventOf(sampleFacts({ score: FINDING }))).toMatchObject({
      SelfSignedScore: 3,
      WeakCNScore: 2,
      MismatchScore: 0,
      CertRiskScore: 5,
      CertRiskLevel: 'High',
      risk_reasons: ['self_signed', 'placeholder_name'],
      mitre_attack_id: ['T1608.003', 'T1587.003'],
    });
  });

  it('accuses nobody for a reason without weight', () => {
    const reasons = [
      { id: 'self_issued', weight: 0, technique: 'T1587.003', sentence: 'subject and issuer are equal' },
    ];
    const event = eventOf(
      sampleFacts({ score: { ...FINDING, selfSigned: 0, weakCn: 0, risk: 0, level: 'None', reasons } }),
    );
    expect(event.risk_reasons).toEqual(['self_issued']);
    expect(event).not.toHaveProperty('mitre_attack_id');
  });
});

describe('caps', () => {
  it('cuts a list and says so, in both forms, now and when the fragment is reused', () => {
    const dns = Array.from({ length: 17_000 }, (_, i) => `host-${i}.example`);
    const chain = sampleChain(sampleCertificate({ san: { ...NO_NAMES, dns } }));
    const facts = sampleFacts({ handshake: sampleHandshake({ serverCertificates: chain }) });
    const event = eventOf(facts);
    expect(event.event_cut).toBe(1);
    expect(event.ssl_subject_alt_name).toEqual(dns.slice(0, 16_384));
    expect(eventOf(facts)).toEqual(event);
    expect(decodedOf(facts)).toEqual(event);
    expect(decodedOf(facts)).toEqual(event);
    expect(eventOf(sampleFacts())).not.toHaveProperty('event_cut');
  });

  it('leaves 10 000 host names of a server whole, in the leaf and in the chain, and cuts those of other certificates', () => {
    const dns = Array.from({ length: 10_000 }, (_, i) => `${i}.alt.helloIamADomain.example`);
    const certificate = sampleCertificate({ san: { ...NO_NAMES, dns } });
    const ofServer = sampleFacts({ handshake: sampleHandshake({ serverCertificates: sampleChain(certificate) }) });
    const event = eventOf(ofServer);
    expect(event).toMatchObject({ ssl_subject_alt_name: dns, ssl_chain: [{ san_dns: dns }] });
    expect(event).not.toHaveProperty('event_cut');
    expect(decodedOf(ofServer)).toEqual(event);
    const twice = { certificates: [certificate, certificate], dropped: 0 };
    const chains = { serverCertificates: twice, clientCertificates: sampleChain(certificate) };
    const cut = eventOf(sampleFacts({ handshake: sampleHandshake(chains) }));
    const few = dns.slice(0, 1024);
    expect(cut).toMatchObject({
      event_cut: 1,
      ssl_chain: [{ san_dns: dns }, { san_dns: few }],
      ssl_client_chain: [{ san_dns: few }],
    });
  });

  it('cuts a text, never in the middle of a character', () => {
    const chain = sampleChain(sampleCertificate({ subject: sampleName(['CN', `x${'😀'.repeat(2000)}`]) }));
    const event = eventOf(sampleFacts({ handshake: sampleHandshake({ serverCertificates: chain }) }));
    expect(event.ssl_subject_common_name).toBe(`x${'😀'.repeat(1023)}`);
    expect(event.event_cut).toBe(1);
  });

  it('counts certificates beyond the cap', () => {
    const chain = { certificates: Array.from({ length: 20 }, () => sampleCertificate()), dropped: 3 };
    const event = eventOf(sampleFacts({ handshake: sampleHandshake({ serverCertificates: chain }) }));
    expect(event.ssl_chain).toHaveLength(16);
    expect(event.ssl_chain_dropped).toBe(7);
  });
});
