/**
 * Naming profiles: under which sourcetype events are sent, and what the leaf's subject and issuer are called there.
 *
 * The published detection searches four sourcetypes and takes the subject and the issuer from whichever field a source fills:
 *
 *     subject   ssl_subject | ssl_cn | tls_cert_subject | ssl_certificate_subject
 *     issuer    ssl_issuer | tls_cert_issuer | ssl_cert_issuer | ssl_certificate_issuer
 *
 * Each profile uses one name of each, so that events stand beside those of the device whose sourcetype they bear. The value
 * stays the full distinguished name under every name, `ssl_cn` too: the search compares subject with issuer, and only so
 * it finds the same rows. `stream:tcp` is where Splunk Stream itself puts its TLS fields; the published search does not look
 * there, so with this profile its first line has to be widened.
 */

export interface Profile {
  readonly sourcetype: string;
  /** Default of the envelope's `source`. One that matches `stream:*` gets the Stream add-on's JSON mode and aliases, whatever the sourcetype. */
  readonly source: string;
  readonly subjectName: string;
  readonly issuerName: string;
}

export const PROFILES = {
  'stream:ssl': {
    sourcetype: 'stream:ssl',
    source: 'stream:ssl',
    subjectName: 'ssl_subject',
    issuerName: 'ssl_issuer',
  },
  'stream:tcp': {
    sourcetype: 'stream:tcp',
    source: 'stream:tcp',
    subjectName: 'ssl_subject',
    issuerName: 'ssl_issuer',
  },
  'pan:traffic': {
    sourcetype: 'pan:traffic',
    source: 'stream:ssl',
    subjectName: 'tls_cert_subject',
    issuerName: 'tls_cert_issuer',
  },
  'cisco:asa': {
    sourcetype: 'cisco:asa',
    source: 'stream:ssl',
    subjectName: 'ssl_cn',
    issuerName: 'ssl_cert_issuer',
  },
  fortigate_traffic: {
    sourcetype: 'fortigate_traffic',
    source: 'stream:ssl',
    subjectName: 'ssl_certificate_subject',
    issuerName: 'ssl_certificate_issuer',
  },
} as const satisfies Readonly<Record<string, Profile>>;

export type ProfileName = keyof typeof PROFILES;
