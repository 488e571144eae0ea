/** What an event says of the client's software: one fragment for each shape of hello. */
import type { HelloShape } from '../tls/hello-shape.ts';
import { isGrease } from '../tls/registry/grease.ts';
import { cipherSuiteName, versionName } from '../tls/registry/names.ts';
import type { FieldWriter } from './field-writer.ts';
import { EventField } from './generated/fields.ts';

/**
 * GREASE is left out of the lists: clients draw it anew for every hello, and two events of one client should have equal
 * lists. Its place in the fingerprints is theirs to define.
 */
export function writeClientHello(w: FieldWriter, shape: HelloShape): void {
  const suites = shape.cipherSuites.filter((suite) => !isGrease(suite));
  const versions = shape.supportedVersions.filter((version) => !isGrease(version));
  w.text(EventField.ssl_client_hello_version, versionName(shape.legacyVersion));
  w.texts(
    EventField.ssl_client_versions,
    versions.length > 0 ? versions.map(versionName) : [versionName(shape.legacyVersion)],
  );
  w.uints(EventField.ssl_client_cipher_list, suites);
  w.texts(EventField.ssl_client_cipher_names, suites.map(cipherSuiteName));
  w.uints(EventField.ssl_client_compression_methods, shape.compressionMethods);
  w.texts(EventField.ssl_alpn_client, shape.alpn);
  w.text(EventField.ja3, shape.ja3);
  w.text(EventField.ja4, shape.ja4);
  if (shape.ech !== 'none') w.text(EventField.ssl_ech, shape.ech);
}
