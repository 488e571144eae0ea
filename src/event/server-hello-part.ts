/** What an event says of the server's answer. Few answers differ in what an event holds of them. */
import type { Handshake } from '../tls/handshake.ts';
import { cipherSuiteName, groupName, versionName } from '../tls/registry/names.ts';
import type { ServerHello } from '../tls/server-hello.ts';
import type { Chain } from '../x509/certificate.ts';
import type { FieldWriter } from './field-writer.ts';
import { EventField } from './generated/fields.ts';
import type { PartKind } from './part-table.ts';

/** A retry request has agreed on version, suite and group already, and counts where the hello itself was not seen. */
export function answerOf(h: Handshake<Chain>): ServerHello | null {
  return h.serverHello ?? h.helloRetryRequest;
}

export interface ServerAnswer {
  readonly version: number;
  readonly cipherSuite: number;
  readonly compressionMethod: number;
  readonly group: number;
  readonly alpn: string;
  readonly ja3s: string;
}

/** For handshakes that have an answer. */
export const SERVER_ANSWER: PartKind<Handshake<Chain>, ServerAnswer> = {
  mainOf: (h) => ja3sOf(answerOf(h)!),

  isSame(key, h) {
    const hello = answerOf(h)!;
    return (
      key.cipherSuite === hello.cipherSuite &&
      key.version === hello.version &&
      key.compressionMethod === hello.compressionMethod &&
      key.group === groupOf(h, hello) &&
      key.alpn === hello.alpn
    );
  },

  toKey(h) {
    const hello = answerOf(h)!;
    const { version, cipherSuite, compressionMethod, alpn } = hello;
    return { version, cipherSuite, compressionMethod, alpn, group: groupOf(h, hello), ja3s: ja3sOf(hello) };
  },

  write(w: FieldWriter, key: ServerAnswer) {
    w.text(EventField.ssl_version, versionName(key.version));
    // In SSL 2 the client chooses, and its choice may not have been seen.
    if (key.cipherSuite >= 0) {
      w.uint(EventField.ssl_cipher_id, key.cipherSuite);
      w.text(EventField.ssl_cipher_name, cipherSuiteName(key.cipherSuite));
    }
    w.uint(EventField.ssl_compression_method, key.compressionMethod);
    if (key.group >= 0) w.text(EventField.ssl_curve, groupName(key.group));
    w.text(EventField.ssl_alpn, key.alpn);
    w.text(EventField.ja3s, key.ja3s);
  },
};

/** A retry request's fingerprint would pass for that of a hello, which it is not. */
function ja3sOf(hello: ServerHello): string {
  return hello.isHelloRetryRequest ? '' : hello.ja3s;
}

/** The group of TLS 1.3 stands in the hello, that of TLS 1.2 in the key exchange. */
function groupOf(h: Handshake<Chain>, hello: ServerHello): number {
  return hello.keyShareGroup >= 0 ? hello.keyShareGroup : h.keyExchangeGroup;
}
