import { describe, expect, it } from 'vitest';
import { type ProcessAddon, planPrivileges } from '../../src/cli/capture-privileges.ts';
import { UsageError } from '../../src/cli/usage-error.ts';

const ROOT = 0;

function addonWith(users: Readonly<Record<string, [number, number]>>): ProcessAddon {
  return { processSeal: () => 0, processFindUser: (name) => users[name] ?? null };
}

describe('the user that a capture goes on as', () => {
  const addon = addonWith({ spanglass: [990, 980], sensor: [991, 981] });

  it('is the one of its name, for root', () => {
    expect(planPrivileges(null, ROOT, addon)).toEqual({ user: { name: 'spanglass', uid: 990, gid: 980 }, note: '' });
  });

  it('is root where that one is not there, which is told with the cure', () => {
    const { user, note } = planPrivileges(null, ROOT, addonWith({}));
    expect(user).toBeNull();
    expect(note).toContain('useradd --system spanglass');
  });

  it('is the one that was named, by name or by numbers', () => {
    expect(planPrivileges('sensor', ROOT, addon).user).toEqual({ name: 'sensor', uid: 991, gid: 981 });
    expect(planPrivileges('1000:1000', ROOT, null).user).toEqual({ name: '1000:1000', uid: 1000, gid: 1000 });
  });

  it('stays who it is without root', () => {
    expect(planPrivileges(null, 1000, addon)).toEqual({ user: null, note: '' });
    expect(planPrivileges('sensor', 991, addon)).toEqual({ user: null, note: '' });
    expect(planPrivileges('root', ROOT, addonWith({ root: [0, 0] }))).toEqual({ user: null, note: '' });
  });

  it.each([
    ['sensor', 1000, 'takes root to become'],
    ['nobody-here', ROOT, 'there is no such user'],
    ['1000', ROOT, 'write a name, or UID:GID'],
    ['4294967295:1', ROOT, 'there is no such user'],
  ])('%s as %i is refused', (name, uid, refusal) => {
    expect(() => planPrivileges(name, uid, addon)).toThrow(UsageError);
    expect(() => planPrivileges(name, uid, addon)).toThrow(refusal);
  });

  it('can only be a number without the addon', () => {
    expect(() => planPrivileges('sensor', ROOT, null)).toThrow('only UID:GID');
    expect(planPrivileges(null, ROOT, null)).toEqual({ user: null, note: expect.stringContaining('--user UID:GID') });
  });
});
