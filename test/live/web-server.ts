/** nginx with several certificates on one address, as the servers behind a mirror port. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issueServerCertificates, type ServerCertificate } from '../../bench/server-certificates.ts';
import { issueCertificate } from '../../tools/make-pcap/openssl.ts';
import { waitUntil } from '../support/netns.ts';
import type { MirrorPort } from './mirror-port.ts';

/** Two of an authority with ECDSA, one self-signed as CN=localhost, one under its own name. Those with RSA-4096 take seconds to make. */
const CERTIFICATES = [12, 13, 17, 18];
const EXPIRED = 'expired.example.org';

/** Starts it; gives the names that it answers to. Two workers, TLS 1.2 and 1.3, tickets. */
export async function startWebServer(port: MirrorPort): Promise<string[]> {
  const folder = join(port.folder, 'nginx');
  mkdirSync(folder);
  const certificates = [...(await issueServerCertificates(folder, CERTIFICATES)), await issueExpired(folder)];
  writeFileSync(join(folder, 'index.html'), 'x'.repeat(1000));
  const servers = certificates.map(({ serverName, cert, key }, i) => {
    writeFileSync(join(folder, `${i}.crt`), cert);
    writeFileSync(join(folder, `${i}.key`), key);
    return `server { listen 443 ssl; listen [::]:443 ssl; server_name ${serverName};
      ssl_certificate ${folder}/${i}.crt; ssl_certificate_key ${folder}/${i}.key; }`;
  });
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/t;`);
  writeFileSync(
    join(folder, 'nginx.conf'),
    `user root; daemon off; worker_processes 2; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http { access_log off; root ${folder}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on; ${scratch.join(' ')}
${servers.join('\n')} }
`,
  );
  port.servers.start(['nginx', '-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: 'ignore' });
  // 443 in hexadecimal.
  await waitUntil(() => port.servers.run(['cat', '/proc/net/tcp']).includes(':01BB 00000000:0000 0A'), 'nginx');
  return certificates.map(({ serverName }) => serverName);
}

async function issueExpired(folder: string): Promise<ServerCertificate> {
  const validity = { notBefore: '20200101000000Z', notAfter: '20200401000000Z' };
  const { cert, key } = await issueCertificate(folder, {
    name: 'expired',
    key: 'ec256',
    subject: [`CN = ${EXPIRED}`],
    ...validity,
  });
  return { serverName: EXPIRED, cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}
