/** The compose file, as far as it can be judged without an engine. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { COMMANDS, optionsOf } from '../../src/cli/command-spec.ts';

const COMPOSE = z.object({
  services: z.object({
    spanglass: z.object({
      network_mode: z.string(),
      user: z.string(),
      cap_drop: z.array(z.string()),
      cap_add: z.array(z.string()),
      security_opt: z.array(z.string()),
      command: z.array(z.string()),
      volumes: z.array(z.string()),
      stop_grace_period: z.string(),
    }),
  }),
  volumes: z.record(z.string(), z.null()),
});
const { services, volumes } = COMPOSE.parse(parse(readFileSync('deploy/compose.yaml', 'utf8')));
const service = services.spanglass;
const DOCKERFILE = readFileSync('Dockerfile', 'utf8');

describe('deploy/compose.yaml', () => {
  it("is in the machine's network, with the capabilities that it gives up again, and no others", () => {
    expect(service.network_mode).toBe('host');
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.cap_add.toSorted()).toEqual(['BPF', 'NET_RAW', 'SETGID', 'SETUID']);
    expect(service.security_opt).toContain('no-new-privileges:true');
  });

  it("becomes the image's user, who owns the spool", () => {
    expect(service.user).toBe('0:0');
    const user = service.command[service.command.indexOf('--user') + 1];
    expect(DOCKERFILE).toContain(`\nUSER ${user}\n`);
    expect(DOCKERFILE).toContain('install -d -o 1000 -g 1000 /var/lib/spanglass');
    expect(Object.keys(volumes).map((name) => `${name}:/var/lib/spanglass`)).toEqual(service.volumes);
  });

  it('gives options that there are', () => {
    const known = new Set(optionsOf(COMMANDS.get('capture')!).map(({ name }) => name));
    const names = service.command.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) expect(known).toContain(name);
  });

  it('waits longer for a stop than the program takes', () => {
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThan(10);
  });
});
