import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AlertDescription } from '../../src/tls/registry/generated/alerts.ts';
import { ExtensionType } from '../../src/tls/registry/generated/extensions.ts';
import { HandshakeType } from '../../src/tls/registry/generated/handshake-types.ts';
import { isGrease } from '../../src/tls/registry/grease.ts';
import {
  alertName,
  cipherSuiteName,
  compressionMethodName,
  contentTypeName,
  extensionName,
  groupName,
  handshakeTypeName,
  signatureSchemeName,
  versionName,
} from '../../src/tls/registry/names.ts';
import { buildRegistry } from '../../tools/gen-registry.ts';

const GENERATED = new URL('../../src/tls/registry/generated/', import.meta.url);
const TABLES = new URL('../../tools/registry/', import.meta.url);

describe('the generated registry', () => {
  it('is what tools/gen-registry.ts writes from the tables today', () => {
    const files = buildRegistry(TABLES.pathname);
    expect(files.size).toBe(10);
    const committed = readdirSync(GENERATED).map(
      (file) => [file, readFileSync(new URL(file, GENERATED), 'utf8')] as const,
    );
    expect(new Map(committed)).toEqual(files);
  });

  it('has the constants that RFC 8446 prints', () => {
    expect(ExtensionType).toMatchObject({ ServerName: 0, SupportedVersions: 43, KeyShare: 51 });
    expect(HandshakeType).toMatchObject({ ClientHello: 1, ServerHello: 2, Certificate: 11, Finished: 20 });
    expect(AlertDescription).toMatchObject({
      CloseNotify: 0,
      HandshakeFailure: 40,
      UnknownCa: 48,
      NoApplicationProtocol: 120,
    });
  });
});

describe('names', () => {
  it.each([
    [cipherSuiteName(0x1301), 'TLS_AES_128_GCM_SHA256'],
    [cipherSuiteName(0x0035), 'TLS_RSA_WITH_AES_256_CBC_SHA'],
    [cipherSuiteName(0x00ff), 'TLS_EMPTY_RENEGOTIATION_INFO_SCSV'],
    [extensionName(16), 'application_layer_protocol_negotiation'],
    [groupName(0x11ec), 'X25519MLKEM768'],
    [signatureSchemeName(0x0904), 'mldsa44'],
    [alertName(0), 'close_notify'],
    [alertName(48), 'unknown_ca'],
    [alertName(90), 'user_canceled'],
    [alertName(121), 'ech_required'],
    [handshakeTypeName(1), 'client_hello'],
    [handshakeTypeName(14), 'server_hello_done'],
    [contentTypeName(20), 'change_cipher_spec'],
    [compressionMethodName(1), 'DEFLATE'],
  ])('follow IANA and the RFCs: %s', (name, expected) => {
    expect(name).toBe(expected);
  });

  it('show an unknown number as its digits on the wire', () => {
    expect(cipherSuiteName(0x1a2b)).toBe('0x1a2b');
    expect(cipherSuiteName(0x0900c0)).toBe('0x0900c0');
    expect(extensionName(0xabcd)).toBe('0xabcd');
    expect(alertName(200)).toBe('0xc8');
    expect(versionName(0x0305)).toBe('0x0305');
  });

  it('show GREASE as what it is', () => {
    expect(cipherSuiteName(0x1a1a)).toBe('GREASE(0x1a1a)');
    expect(groupName(0xfafa)).toBe('GREASE(0xfafa)');
    expect(versionName(0x0a0a)).toBe('GREASE(0x0a0a)');
    expect(Array.from({ length: 0x10000 }, (_, n) => n).filter(isGrease)).toHaveLength(16);
    expect(isGrease(0x1a2a)).toBe(false);
  });

  it('know the 24-bit suites of SSLv2, and TLS suites in that form', () => {
    expect(cipherSuiteName(0x0700c0)).toBe('SSL2_DES_192_EDE3_CBC_WITH_MD5');
    expect(cipherSuiteName(0x000039)).toBe('TLS_DHE_RSA_WITH_AES_256_CBC_SHA');
  });

  it.each([
    [0x0002, 'SSLv2'],
    [0x0300, 'SSLv3'],
    [0x0301, 'TLSv1.0'],
    [0x0304, 'TLSv1.3'],
    [0x7f12, 'TLSv1.3-draft18'],
    [0x7f1c, 'TLSv1.3-draft28'],
    [0xfb17, 'TLSv1.3-fb17'],
    [0xfb1a, 'TLSv1.3-fb1a'],
    [0xfeff, 'DTLSv1.0'],
    [0xfefd, 'DTLSv1.2'],
    [0xfefc, 'DTLSv1.3'],
    [0x0100, 'DTLSv1.0(openssl-pre0.9.8f)'],
  ])('call version %i %s', (version, name) => {
    expect(versionName(version)).toBe(name);
  });
});
