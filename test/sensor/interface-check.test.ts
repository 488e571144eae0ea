import { describe, expect, it } from 'vitest';
import type { InterfaceFacts } from '../../src/capture/interface-facts.ts';
import { worstOf } from '../../src/sensor/check.ts';
import { checkInterface, refuseUnknownInterface } from '../../src/sensor/interface-check.ts';
import { complaints, find, GOOD_INTERFACE } from './good-facts.ts';

const judge = (change: Partial<InterfaceFacts>) => checkInterface({ ...GOOD_INTERFACE, ...change });

describe('an interface', () => {
  it('is fit', () => {
    expect(complaints(judge({}))).toEqual([]);
    expect(find(judge({}), 'link').seen).toBe('eth1 is up, 10 Gbit/s, driver ixgbe.');
  });

  it.each<[string, Partial<InterfaceFacts>, string[], string | null]>([
    ['is down', { isUp: false }, ['fail link'], 'ip link set eth1 up'],
    ['has no carrier', { hasCarrier: false }, ['fail link'], 'Check the cable'],
    ['is no Ethernet', { isEthernet: false }, ['note kind'], null],
    ['is the loopback', { isLoopback: true, addresses: ['127.0.0.1'] }, ['note kind'], null],
    ['is not promiscuous', { promiscuity: 0 }, ['note promiscuous'], null],
    ['has a small MTU', { mtu: 1400 }, ['warn mtu'], 'ip link set eth1 mtu 9216'],
    ['refused long frames', { card: { ...GOOD_INTERFACE.card, length: 7 } }, ['warn mtu'], 'ip link set eth1 mtu 9216'],
    ['merges in the kernel', { features: new Set(['rx-gro']) }, ['warn gro'], 'ethtool -K eth1 gro off'],
    ['merges in the card', { features: new Set(['rx-lro']) }, ['warn lro'], 'ethtool -K eth1 lro off'],
    [
      'merges like the kernel',
      { features: new Set(['rx-gro-hw']) },
      ['warn rx_gro_hw'],
      'ethtool -K eth1 rx-gro-hw off',
    ],
    [
      'merges for good',
      { features: new Set(['rx-lro']), fixed: new Set(['rx-lro']) },
      ['warn lro'],
      'does not let it be turned off',
    ],
    [
      'takes VLAN tags off',
      { features: new Set(['rx-vlan-hw-parse']) },
      ['note vlan_offload'],
      'ethtool -K eth1 rxvlan off',
    ],
    [
      'filters VLANs',
      { features: new Set(['rx-vlan-filter']) },
      ['note vlan_filter'],
      'ethtool -K eth1 rx-vlan-filter off',
    ],
    ['filters VLANs for good', { features: new Set(['rx-vlan-filter']), fixed: new Set(['rx-vlan-filter']) }, [], null],
    ['hides its offloads', { features: null }, ['note offloads'], null],
    ['has a small ring', { ring: { rx: 256, rxMax: 4096 } }, ['warn card_ring'], 'ethtool -G eth1 rx 4096'],
    ['could have a larger ring', { ring: { rx: 2048, rxMax: 8192 } }, ['note card_ring'], 'ethtool -G eth1 rx 8192'],
    ['has no ring', { ring: null }, [], null],
    ['lost packets', { card: { ...GOOD_INTERFACE.card, missed: 3, fifo: null } }, ['note card_loss'], 'If it goes on'],
    ['has an address', { addresses: ['10.0.0.5', 'fe80::1'] }, ['warn address'], 'ip address flush dev eth1'],
    ['has an address of the link', { addresses: ['fe80::1'] }, ['note address'], 'disable_ipv6=1'],
    ['is a port of a bridge', { isPort: true }, ['warn port'], 'ip link set eth1 nomaster'],
    ['has a program of somebody else', { hasXdp: true }, ['warn xdp'], 'ip link set dev eth1 xdp off'],
  ])('that %s is told with the cure', (_, change, expected, cure) => {
    const checks = judge(change);
    expect(complaints(checks)).toEqual(expected);
    const cures = checks.filter(({ verdict }) => verdict !== 'ok').map((one) => one.cure ?? '');
    expect(cures.join('\n')).toContain(cure ?? '');
  });

  it('that is not there is told with the one that is meant', () => {
    const { verdict, cure } = refuseUnknownInterface('eht1', ['lo', 'eth1', 'wlan0']);
    expect([verdict, cure]).toEqual([
      'fail',
      'Did you mean eth1? There are lo, eth1, wlan0. A container sees only its own.',
    ]);
    const many = Array.from({ length: 20 }, (_, i) => `veth${i}x`);
    expect(refuseUnknownInterface('bond0', many).cure).toContain('and 4 more');
  });

  it('with a name that would move the cursor is shown harmless', () => {
    for (const { seen, cure } of judge({ name: 'e\u001b[2J', addresses: ['10.0.0.5'] }))
      expect(seen + cure).not.toContain('\u001b');
  });
});

describe('a verdict', () => {
  it('is the worst of all', () => {
    const at = (verdict: 'ok' | 'note' | 'warn' | 'fail') => ({ id: '', verdict, seen: '', cure: null });
    expect(worstOf([])).toBe('ok');
    expect(worstOf([at('note'), at('ok')])).toBe('note');
    expect(worstOf([at('warn'), at('fail'), at('note')])).toBe('fail');
  });
});
