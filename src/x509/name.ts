/** One attribute of a distinguished name. */
export interface NameAttribute {
  /** Short name (`CN`, `O`, `emailAddress`), or the dotted OID where it has none. */
  readonly type: string;
  /** Valid text, unescaped in the sense of RFC 4514, safe in the sense of `bytes/text.ts`. */
  readonly value: string;
}

/** A distinguished name. */
export interface Name {
  /** RDNs in DER order, each with its attributes. */
  readonly rdns: readonly (readonly NameAttribute[])[];
  /**
   * RFC 4514 string form, but in DER order (most general first is what OpenSSL and Splunk Stream print):
   * `C=US,O=Example\, Inc.,CN=www.example.com`. Empty for an empty name.
   */
  readonly text: string;
}
