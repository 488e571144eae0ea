/** One ServerHello or HelloRetryRequest. All values are copied. */
export interface ServerHello {
  readonly legacyVersion: number;
  /** What was agreed: supported_versions where present, else `legacyVersion`. Drafts keep their wire number (0x7f17). */
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cipherSuite: number;
  readonly compressionMethod: number;
  readonly isHelloRetryRequest: boolean;
  /** In wire order; null without an extension block. */
  readonly extensions: readonly number[] | null;
  /** Group of key_share, or -1. */
  readonly keyShareGroup: number;
  /** Index chosen in pre_shared_key, or -1. */
  readonly pskIndex: number;
  readonly alpn: string;
  readonly hasSessionTicket: boolean;
  /** SCTs in the signed_certificate_timestamp extension: bytes of the list, or 0. */
  readonly sctListBytes: number;
  readonly ja3s: string;
  readonly ja3sText: string;
  readonly ja4s: string;
  readonly fault: string;
}
