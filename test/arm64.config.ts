import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Tests that hold programs to the clock, that start programs which are not of arm64, or many of them. */
const left = [
  'bench/load/truth',
  'bench/load/failures',
  'bench/load/protocols',
  'bench/run/main',
  'bench/run/rounds',
  'bench/targets/targets',
  'perf/check',
];

/** Those that take longest begin: one that begins last is waited for alone. */
const longest = ['arm64/harness', 'targets/sidecars', 'arm64/load', 'report/compare'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex(name => moduleId.includes(name));
      return at < 0 ? longest.length : at;
    };
    return [...files].sort((a, b) => rank(a) - rank(b));
  }
}

/** `npm run test:arm64`: the harness on an arm64 Node, which may be emulated, and is slow then. */
const config = defineConfig({
  test: {
    include: ['test/bench/**/*.test.ts', 'test/perf/**/*.test.ts', 'test/arm64/*.arm64.ts'],
    exclude: left.map(path => `test/${path}.test.ts`),
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    maxWorkers: 2,
    // A worker that is started takes seconds: those that run stay.
    isolate: false,
    testTimeout: 200_000,
    hookTimeout: 300_000,
    teardownTimeout: 20_000,
  },
});

export default config;
