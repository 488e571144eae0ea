/**
 * JA3 and JA3S: the first widely used TLS fingerprints, MD5 of numbers in decimal. Salesforce, 2017, BSD licence.
 *
 *     JA3    version,suites,extensions,groups,point formats      771,4865-4866,0-10-11,29-23,0
 *     JA3S   version,suite,extensions                            771,4865,51-43
 *
 * The version is `legacy_version`, values keep their order, and GREASE is left out of suites, extensions and groups. A missing
 * list is empty, its comma stays.
 */

import { hash } from 'node:crypto';
import { isGrease } from './registry/grease.ts';

/** What JA3 reads of a hello. */
export interface Ja3Input {
  readonly legacyVersion: number;
  readonly cipherSuites: readonly number[];
  readonly extensions: readonly number[] | null;
  readonly groups: readonly number[];
  readonly pointFormats: readonly number[];
}

export function buildJa3Text(hello: Ja3Input): string {
  const suites = joinNumbers(hello.cipherSuites);
  const extensions = joinNumbers(hello.extensions ?? []);
  const groups = joinNumbers(hello.groups);
  return `${hello.legacyVersion},${suites},${extensions},${groups},${hello.pointFormats.join('-')}`;
}

export function buildJa3sText(
  legacyVersion: number,
  cipherSuite: number,
  extensions: readonly number[] | null,
): string {
  return `${legacyVersion},${cipherSuite},${joinNumbers(extensions ?? [])}`;
}

/** The fingerprint of a JA3 or JA3S text. */
export function hashJa3(text: string): string {
  return hash('md5', text, 'hex');
}

function joinNumbers(numbers: readonly number[]): string {
  let text = '';
  for (const n of numbers) {
    if (isGrease(n)) continue;
    text += text === '' ? n : `-${n}`;
  }
  return text;
}
