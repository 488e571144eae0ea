/**
 * The part of a ClientHello that its software decides and that most of its hellos share: versions, suites, extensions,
 * groups, fingerprints. Equal hellos share one shape, so this work is done once for each kind of client.
 */
export interface HelloShape {
  /** `legacy_version`, or the version of an SSLv2-format hello. */
  readonly legacyVersion: number;
  /** The hello came in the SSLv2 record format (RFC 5246 E.2). Suites are then 24-bit numbers. */
  readonly isSslv2Format: boolean;
  /** Everything offered, in order, GREASE included. */
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: readonly number[];
  /** Extension types in wire order, GREASE included; null where the hello has no extension block at all. */
  readonly extensions: readonly number[] | null;
  readonly supportedVersions: readonly number[];
  readonly groups: readonly number[];
  readonly pointFormats: readonly number[];
  readonly signatureSchemes: readonly number[];
  readonly keyShareGroups: readonly number[];
  readonly pskModes: readonly number[];
  /** Protocol names as text, escaped where they are not printable. */
  readonly alpn: readonly string[];
  readonly ech: EchKind;
  /** MD5 of `ja3Text`. Both are empty for an SSLv2-format hello: JA3 is not defined for it. */
  readonly ja3: string;
  readonly ja3Text: string;
  /** Empty for a hello that is SSLv2 through and through. */
  readonly ja4: string;
}

/**
 * What a hello says about encrypting itself: nothing; `ech` in a form of a draft, or unreadable; an outer hello, which
 * looks the same whether it hides another or is GREASE (RFC 9849 6.2); an inner one, seen only after decryption; ESNI, which came before.
 */
export type EchKind = 'none' | 'ech' | 'grease_or_outer' | 'inner' | 'esni';

/** What carried the hello: TLS over TCP, DTLS or QUIC, by the letter that JA4 gives it. */
export type HelloTransport = 't' | 'd' | 'q';
