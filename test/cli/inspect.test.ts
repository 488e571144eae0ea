import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { capture, PCAPS, runFake } from './fake-io.ts';

describe('inspect', () => {
  it('prints a handshake in full', async () => {
    const { code, stdout, stderr } = await runFake(['inspect', capture('self-signed-localhost.pcap')]);
    expect({ code, stderr }).toEqual({ code: ExitCode.Ok, stderr: '' });
    expect(stdout).toMatch(/^Handshake 1 of 1\n\nConnection\n/);
    for (const title of ['Handshake', 'Client hello', 'Server hello', 'Server certificate 1 of 1', 'Score']) {
      expect(stdout).toContain(`\n${title}\n`);
    }
    for (const line of [
      '  client                192.0.2.96:53710  (02:00:5e:10:00:01)',
      '  server name (SNI)     localhost',
      '  cipher suite          TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
      '  self-signed           yes, its own key verifies it',
      '  CertRiskScore         5 = 3 self-signed + 2 placeholder name + 0 name mismatch',
      "  why                   +3 self_signed (T1587.003): the certificate's own key verifies its signature",
    ]) {
      expect(stdout).toContain(`${line}\n`);
    }
    expect(stdout).toMatch(/\n {2}JA3 text {14}771,/);
    expect(stdout).toMatch(/\n {2}JA4 {19}t13d/);
  });

  it('shows both chains, and every certificate of them', async () => {
    const { stdout } = await runFake(['inspect', capture('tls12-client-certificate.pcap')]);
    const titles = ['Server certificate 1 of 1', 'Client certificate 1 of 2', 'Client certificate 2 of 2'];
    for (const title of titles) expect(stdout).toContain(`\n${title}\n`);
  });

  it('shows both hellos where the server wanted another', async () => {
    const { stdout } = await runFake(['inspect', capture('tls13-hello-retry-request.pcap')]);
    for (const title of ['Hello retry request', 'Second client hello', 'Server hello'])
      expect(stdout).toContain(`\n${title}\n`);
    expect(stdout).toContain('encrypted_tls13: encrypted, as TLS 1.3 does by design');
  });

  it('takes the highest score unless told which', async () => {
    const { stdout } = await runFake(['inspect', PCAPS]);
    expect(stdout).toMatch(/^Handshake \d+ of 41; the highest score, --index N shows another\n/);
    expect(stdout).toContain('CertRiskScore         7 =');
    const { stdout: third } = await runFake(['inspect', PCAPS, '-f', 'version TLSv1.3', '-n', '3']);
    expect(third).toMatch(/^Handshake 3 of 7 that match, 41 in all\n/);
  });

  it('tells when an expired certificate ended, by the time of the packets', async () => {
    const { stdout } = await runFake(['inspect', capture('expired.pcap')]);
    expect(stdout).toMatch(/at the handshake {6}expired, since \d+ days/);
    expect((await runFake(['inspect', capture('not-yet-valid.pcap')])).stdout).toContain('not yet valid, for ');
  });

  it.each([
    [[capture('not-tls.pcap')], 'there is no TLS handshake in it'],
    [[capture('tls13.pcap'), '-f', 'level high'], 'none of 1 handshake matches the filter'],
    [[capture('tls13.pcap'), '-n', '2'], '--index 2: there are only 1'],
  ])('%j ends with 1', async (args, refusal) => {
    const { code, stdout, stderr } = await runFake(['inspect', ...args]);
    expect({ code, stdout }).toEqual({ code: ExitCode.Failed, stdout: '' });
    expect(stderr).toBe(`spanglass: ${refusal}\n`);
  });

  it('says only what is wrong with a file that is no capture', async () => {
    const { code, stderr } = await runFake(['inspect', 'package.json']);
    expect(code).toBe(ExitCode.CaptureFailed);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
