/**
 * The facts of one certificate. Everything is copied out of the DER at parse time, so a certificate outlives the packet it
 * came in. A field that could not be read has its empty value, and `faults` says why.
 */
import type { Name } from './name.ts';

export interface SubjectPublicKey {
  /** As OpenSSL names it: `rsaEncryption`, `id-ecPublicKey`, `ED25519`, `ML-DSA-44`; the dotted OID where unknown. */
  readonly algorithm: string;
  readonly oid: string;
  /** Size of the modulus, of the field of the curve, or of the key's octets (ED25519 has 256); 0 where it can't be told. */
  readonly bits: number;
  /** `prime256v1`, `secp384r1`, …, its dotted OID, or `explicit` where the key spells it out; empty for others. */
  readonly curve: string;
  /** RSA public exponent as decimal text; empty for others. */
  readonly exponent: string;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string;
}

export interface SubjectAltNames {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
  /** RFC 4514 text of directoryNames. */
  readonly directory: readonly string[];
  /** `oid` or `oid:text` of otherNames, `registeredID:oid`, and the words `x400Address` and `ediPartyName`. */
  readonly other: readonly string[];
}

export interface SignedCertificateTimestamp {
  /** SHA-256 of the log's key, lower-case hex. */
  readonly logId: string;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
}

export interface BasicConstraints {
  readonly isCa: boolean;
  /** -1 where absent. */
  readonly pathLen: number;
}

export interface Certificate {
  /** The bytes, owned. */
  readonly der: Uint8Array;
  /** Lower-case hex. */
  readonly md5: string;
  readonly sha1: string;
  readonly sha256: string;
  /** 1, 2 or 3 as the standard counts; 0 where unreadable. */
  readonly version: number;
  /** Content octets of the serial INTEGER as lower-case hex, sign byte included; empty where unreadable or absurdly long. */
  readonly serialDer: string;
  /** The same without the sign byte, zero being `00`. A negative serial has its two's complement here, as in tools that show octets. */
  readonly serialHex: string;
  /** Decimal text, negative where it is. */
  readonly serialDecimal: string;
  readonly subject: Name;
  readonly issuer: Name;
  /** Seconds since 1970 (negative before); NaN where unreadable. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** As written in the DER, up to 40 octets, so that a date that is no date is seen. */
  readonly notBeforeText: string;
  readonly notAfterText: string;
  readonly key: SubjectPublicKey;
  /** As OpenSSL names it (`sha256WithRSAEncryption`), the dotted OID where unknown. */
  readonly signatureAlgorithm: string;
  /** The one inside the signed part, named in the same way; as a rule equal. */
  readonly innerSignatureAlgorithm: string;
  readonly san: SubjectAltNames;
  /** There is a SubjectAltName extension, whatever it holds. */
  readonly hasSan: boolean;
  readonly basicConstraints: BasicConstraints | null;
  /** RFC 5280 names: `digitalSignature`, …; null without the extension. */
  readonly keyUsage: readonly string[] | null;
  /** Names (`serverAuth`) or dotted OIDs; null without the extension. */
  readonly extendedKeyUsage: readonly string[] | null;
  /** Lower-case hex; empty if none. */
  readonly subjectKeyId: string;
  readonly authorityKeyId: string;
  readonly policies: readonly string[];
  readonly ocspUrls: readonly string[];
  readonly caIssuerUrls: readonly string[];
  readonly crlUrls: readonly string[];
  readonly scts: readonly SignedCertificateTimestamp[];
  /** Dotted OIDs of all extensions in order. */
  readonly extensionOids: readonly string[];
  /** Subject and issuer were found and are the same bytes. */
  readonly isSelfIssued: boolean;
  /** What a strict parser would refuse, by the names of `faults.ts`, each once, in order; empty for a well-formed certificate. */
  readonly faults: readonly string[];
  /**
   * Whether it is self-issued and its own key verifies its signature; computed at the first call, then remembered. Null: it can't
   * be told (malformed, an algorithm that OpenSSL lacks, a key of absurd size).
   */
  isSelfSigned(): boolean | null;
}

/** A certificate list as it was sent, leaf first. */
export interface Chain {
  readonly certificates: readonly Certificate[];
  /** Entries that the list held beyond the cap, or that could not be framed. */
  readonly dropped: number;
}
