import { defineConfig } from 'vitest/config';

/** Tests on real interfaces, whose rings drop packets when the machine is busy with something else: one at a time, after all others. */
const ON_INTERFACES = [
  'test/live/**/*.test.ts',
  'test/**/*-live.test.ts',
  'test/capture/ring-source.test.ts',
  'test/cli/capture.test.ts',
  'test/cli/capture-*.test.ts',
  'test/cli/doctor-interface.test.ts',
  'test/sensor/live-ring.test.ts',
  'test/support/netns.test.ts',
];

const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: ON_INTERFACES,
          sequence: { groupOrder: 0 },
          ...timeouts,
        },
      },
      {
        test: {
          name: 'interfaces',
          include: ON_INTERFACES,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          ...timeouts,
        },
      },
    ],
  },
});
