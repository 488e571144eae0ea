/**
 * What a strict parser would refuse in a certificate, by stable name. The names leave the sensor in events; a name is
 * never reused for something else.
 *
 * The sentence says what is wrong and who refuses it: DER is X.690, the rest RFC 5280 unless another document is named. "Go" is
 * crypto/x509, "webpki" the crate under rustls, "cryptography" the Python package.
 */
export const X509_FAULTS = {
  der_truncated: 'An element claims more bytes than its parent, or the certificate, holds. Everyone.',
  der_bad_length:
    'A length of the reserved form 0xff, of more than four octets, or indefinite on a primitive. X.690 8.1.3.',
  der_nonminimal_length: 'A length in more octets than it needs. X.690 10.1; Go, webpki, cryptography.',
  der_indefinite_length: 'An indefinite length, which is BER. X.690 10.1; Go, webpki, cryptography.',
  der_bad_tag: 'A high tag number that is non-minimal, below 31, or beyond 28 bits. X.690 8.1.2.4.',
  der_unexpected_tag: 'An element that is not of the type the grammar has in its place, or none at all. Everyone.',
  der_too_deep: 'Indefinite lengths nested beyond the cap. Every parser has one.',
  der_bad_boolean: 'A BOOLEAN that is not one octet of 00 or ff. X.690 11.1; Go, webpki.',
  der_bad_integer:
    'An INTEGER without content, or with a needless leading octet. X.690 8.3.2; Go, webpki, cryptography.',
  der_bad_bit_string:
    'A BIT STRING whose count of unused bits is impossible, or whose unused bits are set. X.690 11.2; Go.',
  der_bad_oid:
    'An OBJECT IDENTIFIER that is empty, cut within an arc, or has a padded arc. X.690 8.19; Go, cryptography.',
  der_bad_null: 'A NULL with content. X.690 8.8.2.',
  der_default_encoded: 'A default (v1, critical FALSE, cA FALSE) written out. X.690 11.5; cryptography, webpki.',
  der_set_order: 'Attributes of a multi-valued RDN out of order. X.690 11.6; cryptography.',
  trailing_bytes: 'Bytes after the end of a structure. Go, webpki, cryptography.',
  too_many_values: 'A list is longer than this reader walks. The rest is in the DER.',
  text_cut: 'A text longer than this reader shows. The rest is in the DER.',
  empty_sequence: 'A list without members where the grammar asks for one (SIZE 1..MAX). cryptography.',
  bad_version: 'A version that is not 1, 2 or 3. Go, webpki, cryptography.',
  extensions_without_v3:
    'Extensions in a certificate that says it is v1 or v2. 4.1.2.9; OpenSSL -x509_strict, cryptography.',
  unique_id_in_v1: 'A unique identifier in a certificate that says it is v1. 4.1.2.8.',
  negative_serial: 'A serial number below zero. 4.1.2.2; Go since 1.23.',
  zero_serial: 'The serial number 0. 4.1.2.2; cryptography on verification.',
  serial_too_long: 'A serial number of more than 20 octets. 4.1.2.2; webpki, cryptography on verification.',
  inner_outer_algorithm_differ:
    'The signature algorithm inside the signed part is not the one outside. 4.1.1.2; Go, webpki.',
  bad_algorithm_parameters:
    'Parameters of an RSASSA-PSS signature that do not have their form. RFC 4055 3.1; cryptography.',
  empty_issuer: 'An issuer without attributes. 4.1.2.4; OpenSSL -x509_strict, cryptography on verification.',
  not_a_string: 'An attribute whose value is not of a string type. Go.',
  invalid_string_char: 'A character that the type of its string does not have. Go, cryptography.',
  embedded_nul: 'A NUL inside a name, which cuts it short for readers written in C. OpenSSL when it matches names.',
  bad_time: 'A date that is none: wrong digits, month 13, 30 February. Everyone.',
  time_form:
    'A date that reads, but without seconds, with an offset, a fraction, or no Z. 4.1.2.5; webpki, cryptography.',
  generalized_time_before_2050: 'A date before 2050 as GeneralizedTime. 4.1.2.5; cryptography on verification.',
  bad_public_key: 'A public key that its algorithm cannot have. Go.',
  bad_key_parameters: 'An RSA key without NULL parameters, or a curve key with some. RFC 3279 2.3.1, RFC 8410 3; Go.',
  explicit_curve: 'A curve given by its parameters and not by name (as in CVE-2020-0601). RFC 5480 2.1.1; Go, webpki.',
  bad_extension: 'The value of a known extension does not have its form. Go, webpki.',
  duplicate_extension: 'The same extension twice. 4.2; Go, webpki, cryptography.',
  unknown_critical_extension: 'A critical extension that no TLS client knows. 4.2; webpki.',
  bad_ip_address: 'An iPAddress that is neither 4 nor 16 octets. 4.2.1.6; Go.',
  bad_signature_bits: 'A signature that does not fill its octets. webpki.',
} as const;
export type X509Fault = keyof typeof X509_FAULTS;

/** The faults of one certificate: each once, in the order they were met. */
export class FaultList {
  readonly names: X509Fault[] = [];
  /** Calls of `add`, so that a caller can tell whether a stretch of bytes had any, known or not. */
  added = 0;

  add(fault: X509Fault): void {
    this.added += 1;
    if (!this.names.includes(fault)) this.names.push(fault);
  }
}
