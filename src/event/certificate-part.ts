/** What an event says of a chain of certificates: one fragment for each chain and side, made once. */
import type { Certificate, Chain, SubjectAltNames } from '../x509/certificate.ts';
import { emailDomain, firstValue, lastValue, type Name } from '../x509/name.ts';
import type { Field } from './field.ts';
import type { FieldWriter } from './field-writer.ts';
import { CertificateField, EventField } from './generated/fields.ts';
import { HOST_LIST_CAPS, LIST_CAPS, type ListCaps, MAX_CHAIN_ENTRIES } from './limits.ts';
import { toIsoSeconds, toOpensslTime } from './time-text.ts';

export type HashCase = 'lower' | 'upper';

const SECONDS_PER_DAY = 86_400;

/** Fields of the parts of one name. */
interface NameFields {
  readonly commonName: Field<'string'>;
  readonly organization: Field<'string'>;
  readonly unit: Field<'string'>;
  readonly locality: Field<'string'>;
  readonly state: Field<'string'>;
  readonly street: Field<'string'>;
  readonly email: Field<'string'>;
  readonly emailDomain: Field<'string'>;
  readonly country: Field<'string'>;
}

const SUBJECT_FIELDS: NameFields = {
  commonName: EventField.ssl_subject_common_name,
  organization: EventField.ssl_subject_organization,
  unit: EventField.ssl_subject_unit,
  locality: EventField.ssl_subject_locality,
  state: EventField.ssl_subject_state,
  street: EventField.ssl_subject_street,
  email: EventField.ssl_subject_email,
  emailDomain: EventField.ssl_subject_email_domain,
  country: EventField.ssl_subject_country,
};

const ISSUER_FIELDS: NameFields = {
  commonName: EventField.ssl_issuer_common_name,
  organization: EventField.ssl_issuer_organization,
  unit: EventField.ssl_issuer_unit,
  locality: EventField.ssl_issuer_locality,
  state: EventField.ssl_issuer_state,
  street: EventField.ssl_issuer_street,
  email: EventField.ssl_issuer_email,
  emailDomain: EventField.ssl_issuer_email_domain,
  country: EventField.ssl_issuer_country,
};

export class CertificateParts {
  readonly #subject: Field<'string'>;
  readonly #issuer: Field<'string'>;
  readonly #isUpper: boolean;

  /** `subject` and `issuer` are the leaf's fields under the names of the naming profile. */
  constructor(subject: Field<'string'>, issuer: Field<'string'>, hashCase: HashCase) {
    this.#subject = subject;
    this.#issuer = issuer;
    this.#isUpper = hashCase === 'upper';
  }

  writeServerChain(w: FieldWriter, chain: Chain): void {
    const leaf = chain.certificates[0];
    if (leaf !== undefined) {
      this.#writeLeafNames(w, leaf);
      this.#writeLeafIdentity(w, leaf);
      writeLeafKey(w, leaf);
      writeLeafExtensions(w, leaf);
    }
    w.messages(EventField.ssl_chain, chain.certificates.slice(0, MAX_CHAIN_ENTRIES), (inner, entry, index) =>
      this.#writeEntry(inner, entry, index === 0 ? HOST_LIST_CAPS : LIST_CAPS),
    );
    writeDropped(w, EventField.ssl_chain_dropped, chain);
  }

  writeClientChain(w: FieldWriter, chain: Chain): void {
    const leaf = chain.certificates[0];
    if (leaf !== undefined) this.#writeClientLeaf(w, leaf);
    w.messages(EventField.ssl_client_chain, chain.certificates.slice(0, MAX_CHAIN_ENTRIES), (inner, entry) =>
      this.#writeEntry(inner, entry, LIST_CAPS),
    );
    writeDropped(w, EventField.ssl_client_chain_dropped, chain);
  }

  #writeLeafNames(w: FieldWriter, leaf: Certificate): void {
    w.text(this.#subject, leaf.subject.text);
    w.text(this.#issuer, leaf.issuer.text);
    writeNameParts(w, SUBJECT_FIELDS, leaf.subject);
    writeNameParts(w, ISSUER_FIELDS, leaf.issuer);
    w.text(EventField.ssl_name, lastValue(leaf.subject, 'CN') || (leaf.san.dns[0] ?? ''));
    w.texts(EventField.ssl_subject_alt_name, toAltNameTexts(leaf.san), HOST_LIST_CAPS);
  }

  #writeLeafIdentity(w: FieldWriter, leaf: Certificate): void {
    w.text(EventField.ssl_serial, leaf.serialHex.toUpperCase());
    w.text(EventField.ssl_serialnumber, leaf.serialDecimal);
    w.text(EventField.ssl_validity_start, toOpensslTime(leaf.notBefore) || leaf.notBeforeText);
    w.text(EventField.ssl_validity_end, toOpensslTime(leaf.notAfter) || leaf.notAfterText);
    w.int(EventField.ssl_start_time, leaf.notBefore);
    w.int(EventField.ssl_end_time, leaf.notAfter);
    w.int(EventField.ssl_validity_window, leaf.notAfter - leaf.notBefore);
    w.text(EventField.ssl_hash, this.#hash(leaf.sha1));
    w.text(EventField.ssl_cert_md5, this.#hash(leaf.md5));
    w.text(EventField.ssl_cert_sha1, this.#hash(leaf.sha1));
    w.text(EventField.ssl_cert_sha256, this.#hash(leaf.sha256));
    w.text(EventField.ssl_cert_spki_sha256, this.#hash(leaf.key.spkiSha256));
    writeSelfSigned(w, EventField.ssl_cert_self_signed, leaf);
    w.flag(EventField.ssl_cert_self_issued, leaf.isSelfIssued);
    w.texts(EventField.ssl_cert_faults, leaf.faults);
  }

  #writeClientLeaf(w: FieldWriter, leaf: Certificate): void {
    w.text(EventField.ssl_client_subject, leaf.subject.text);
    w.text(EventField.ssl_client_issuer, leaf.issuer.text);
    w.text(EventField.ssl_client_subject_common_name, lastValue(leaf.subject, 'CN'));
    w.text(EventField.ssl_client_issuer_common_name, lastValue(leaf.issuer, 'CN'));
    w.texts(EventField.ssl_client_subject_alt_name, toAltNameTexts(leaf.san));
    w.text(EventField.ssl_client_serial, leaf.serialHex.toUpperCase());
    w.text(EventField.ssl_client_serialnumber, leaf.serialDecimal);
    w.int(EventField.ssl_client_start_time, leaf.notBefore);
    w.int(EventField.ssl_client_end_time, leaf.notAfter);
    w.text(EventField.ssl_client_cert_md5, this.#hash(leaf.md5));
    w.text(EventField.ssl_client_cert_sha1, this.#hash(leaf.sha1));
    w.text(EventField.ssl_client_cert_sha256, this.#hash(leaf.sha256));
    w.text(EventField.ssl_client_cert_spki_sha256, this.#hash(leaf.key.spkiSha256));
    writeSelfSigned(w, EventField.ssl_client_cert_self_signed, leaf);
    w.text(EventField.ssl_client_signature_algorithm, leaf.signatureAlgorithm);
    w.text(EventField.ssl_client_publickey_algorithm, leaf.key.algorithm);
    if (leaf.key.bits > 0) w.uint(EventField.ssl_client_publickey_bit_len, leaf.key.bits);
    w.texts(EventField.ssl_client_cert_faults, leaf.faults);
  }

  #writeEntry(w: FieldWriter, certificate: Certificate, nameCaps: ListCaps): void {
    w.text(CertificateField.subject, certificate.subject.text);
    w.text(CertificateField.issuer, certificate.issuer.text);
    w.text(CertificateField.serial, certificate.serialHex.toUpperCase());
    w.text(CertificateField.not_before, toIsoSeconds(certificate.notBefore));
    w.text(CertificateField.not_after, toIsoSeconds(certificate.notAfter));
    w.text(CertificateField.sha1, this.#hash(certificate.sha1));
    w.text(CertificateField.sha256, this.#hash(certificate.sha256));
    w.texts(CertificateField.san_dns, certificate.san.dns, nameCaps);
  }

  #hash(hex: string): string {
    return this.#isUpper ? hex.toUpperCase() : hex;
  }
}

/** What depends on the time of the handshake, and so stays out of the fragments. Times in seconds. */
export function writeServerValidity(w: FieldWriter, chain: Chain, atSeconds: number): void {
  const leaf = chain.certificates[0];
  if (leaf === undefined) return;
  writeIsValid(w, EventField.ssl_is_valid, leaf, atSeconds);
  w.int(EventField.cert_age_days, Math.floor((atSeconds - leaf.notBefore) / SECONDS_PER_DAY));
}

export function writeClientValidity(w: FieldWriter, chain: Chain, atSeconds: number): void {
  const leaf = chain.certificates[0];
  if (leaf !== undefined) writeIsValid(w, EventField.ssl_client_is_valid, leaf, atSeconds);
}

function writeIsValid(w: FieldWriter, field: Field<'bool'>, leaf: Certificate, atSeconds: number): void {
  if (Number.isNaN(leaf.notBefore) || Number.isNaN(leaf.notAfter)) return;
  w.flag(field, atSeconds >= leaf.notBefore && atSeconds <= leaf.notAfter);
}

function writeLeafKey(w: FieldWriter, leaf: Certificate): void {
  if (leaf.version > 0) w.uint(EventField.ssl_cert_version, leaf.version);
  w.text(EventField.ssl_signature_algorithm, leaf.signatureAlgorithm);
  if (leaf.innerSignatureAlgorithm !== leaf.signatureAlgorithm) {
    w.text(EventField.ssl_cert_inner_signature_algorithm, leaf.innerSignatureAlgorithm);
  }
  w.text(EventField.ssl_publickey_algorithm, leaf.key.algorithm);
  if (leaf.key.bits > 0) w.uint(EventField.ssl_publickey_bit_len, leaf.key.bits);
  w.text(EventField.ssl_cert_key_curve, leaf.key.curve);
  w.text(EventField.ssl_cert_key_exponent, leaf.key.exponent);
}

function writeLeafExtensions(w: FieldWriter, leaf: Certificate): void {
  w.texts(EventField.ssl_cert_key_usage, leaf.keyUsage ?? []);
  w.texts(EventField.ssl_cert_ext_key_usage, leaf.extendedKeyUsage ?? []);
  if (leaf.basicConstraints !== null) {
    w.flag(EventField.ssl_cert_is_ca, leaf.basicConstraints.isCa);
    w.uint(EventField.ssl_cert_path_len, leaf.basicConstraints.pathLen);
  }
  w.text(EventField.ssl_cert_subject_key_id, leaf.subjectKeyId);
  w.text(EventField.ssl_cert_authority_key_id, leaf.authorityKeyId);
  w.texts(EventField.ssl_policies, leaf.policies);
  w.texts(EventField.ssl_cert_ocsp_urls, leaf.ocspUrls);
  w.texts(EventField.ssl_cert_ca_issuer_urls, leaf.caIssuerUrls);
  w.texts(EventField.ssl_cert_crl_urls, leaf.crlUrls);
  if (leaf.scts.length === 0) return;
  w.uint(EventField.ssl_cert_sct_count, leaf.scts.length);
  w.texts(
    EventField.ssl_cert_sct_logs,
    leaf.scts.map((sct) => sct.logId),
  );
  w.int(EventField.ssl_cert_sct_time, Math.floor(Math.min(...leaf.scts.map((sct) => sct.timestampMs)) / 1000));
}

function writeSelfSigned(w: FieldWriter, field: Field<'bool'>, leaf: Certificate): void {
  const isSelfSigned = leaf.isSelfSigned();
  if (isSelfSigned !== null) w.flag(field, isSelfSigned);
}

function writeDropped(w: FieldWriter, field: Field<'uint32' | 'uint64'>, chain: Chain): void {
  const dropped = chain.dropped + Math.max(0, chain.certificates.length - MAX_CHAIN_ENTRIES);
  if (dropped > 0) w.uint(field, dropped);
}

function writeNameParts(w: FieldWriter, fields: NameFields, name: Name): void {
  w.text(fields.commonName, lastValue(name, 'CN'));
  w.text(fields.organization, lastValue(name, 'O'));
  w.text(fields.unit, lastValue(name, 'OU'));
  w.text(fields.locality, lastValue(name, 'L'));
  w.text(fields.state, lastValue(name, 'ST'));
  w.text(fields.street, lastValue(name, 'STREET'));
  w.text(fields.email, firstValue(name, 'emailAddress') || firstValue(name, 'mail'));
  w.text(fields.emailDomain, emailDomain(name));
  w.text(fields.country, lastValue(name, 'C'));
}

/** DNS names plain, so that a search for a host finds it; others with OpenSSL's words in front, so that none passes for a host. */
function toAltNameTexts(san: SubjectAltNames): string[] {
  return [
    ...san.dns.map((name) => (name.includes(':') ? `DNS:${name}` : name)),
    ...san.ip.map((address) => `IP:${address}`),
    ...san.email.map((address) => `email:${address}`),
    ...san.uri.map((uri) => `URI:${uri}`),
    ...san.directory.map((name) => `DirName:${name}`),
    ...san.other.map((name) => `otherName:${name}`),
  ];
}
