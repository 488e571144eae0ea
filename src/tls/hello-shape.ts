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
  readonly ech: 'none' | 'ech' | 'grease_or_outer' | 'inner' | 'esni';
  readonly ja3: string;
  readonly ja3Text: string;
  readonly ja4: string;
}
