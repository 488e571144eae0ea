/** Caps of the x509 room. Each has its reason; the worst case is a product written beside it. */

/**
 * Octets of a DER length after the first. Four state 4 GiB, more than any TLS message (2^24); rustls and Go stop at four
 * as well. More of them only serve to overflow a reader's integer.
 */
export const MAX_LENGTH_OCTETS = 4;

/** Octets of a high tag number: 28 bits. No standard comes near. */
export const MAX_TAG_OCTETS = 4;

/** Nesting that the search for the end of an indefinite length follows. Real certificates nest 9 deep. */
export const MAX_DEPTH = 32;

/** Content octets of an object identifier. The longest in use, with a 128-bit UUID arc, take about 30. */
export const MAX_OID_OCTETS = 128;

/** Octets of a serial number shown as text. RFC 5280 allows 20; conversion to decimal grows with the square. */
export const MAX_SERIAL_OCTETS = 128;

/** Octets of an RSA exponent shown as text, for the same reason. Honest ones take 1 to 4. */
export const MAX_EXPONENT_OCTETS = 128;

/** Relative names in a distinguished name, and attributes in one of them. Real names have 10 and 2. */
export const MAX_RDNS = 128;
export const MAX_RDN_ATTRIBUTES = 32;

/** Names in one SubjectAltName. Public CAs stop at 100 to 2,000; there is a capture of a certificate with 10,000. */
export const MAX_GENERAL_NAMES = 16_384;

/** Extensions of a certificate. Real ones have 12. */
export const MAX_EXTENSIONS = 128;

/** Values of one small list: purposes, policies, URLs, timestamps. */
export const MAX_LIST_VALUES = 64;

/** Octets of one text that are shown. X.520 allows 64 for a common name, and links of a kilobyte exist. A multiple of 4. */
export const MAX_TEXT_OCTETS = 4096;

/** Octets of a distinguished name that are read: real ones have 150. With this cap the worst certificate of 256 KiB takes about 20 ms. */
export const MAX_NAME_OCTETS = 16 * 1024;

/** Octets of a name's attribute value that has no text and is shown as hexadecimal. */
export const MAX_HEX_OCTETS = 1024;

/** Bytes before the validity that the search for a lost issuer walks: a name of 16 KiB is none. */
export const MAX_RESYNC_BYTES = 16 * 1024;

/** RSA and DSA moduli of which a signature is verified. 8192 bits cost about 1 ms, and an attacker chooses the size. */
export const MAX_VERIFIED_RSA_BITS = 8192;
export const MAX_VERIFIED_DSA_BITS = 4096;

/** Bits of an RSA exponent with which a signature is verified: the cost grows with each bit. Honest ones have 17. */
export const MAX_VERIFIED_EXPONENT_BITS = 32;

/** Certificates of a chain that are read; the rest is counted. OpenSSL's verifier stops at 100, browsers at about 10. */
export const MAX_CHAIN_CERTIFICATES = 64;

/** Largest list or certificate that a cache keeps: three certificates with the largest SLH-DSA signatures fit. */
export const MAX_CACHED_BYTES = 256 * 1024;

/**
 * Memory a parsed certificate takes, as a multiple of its DER and a constant: its bytes, the text of its names and
 * extensions (an octet can become four characters, `\xNN`), and its objects.
 */
export const CERTIFICATE_WEIGHT_FACTOR = 4;
export const CERTIFICATE_WEIGHT_BYTES = 4096;

/** Distinct certificates and chains remembered per worker: a busy link sees some thousand in a day. */
export const MAX_CACHED_CERTIFICATES = 8192;
export const MAX_CACHED_CHAINS = 4096;

/** Weight of all cached certificates, and bytes of all cached lists: 64 + 32 MiB a worker. */
export const MAX_CERTIFICATE_CACHE_BYTES = 64 * 1024 * 1024;
export const MAX_CHAIN_CACHE_BYTES = 32 * 1024 * 1024;

/** Entries that share a bucket. At a load of one half, nine in a bucket by chance happen once in 10^9. */
export const MAX_BUCKET_ENTRIES = 8;
