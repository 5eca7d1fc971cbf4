import type { Reporter, TestModule } from 'vitest/node';

/** Prints every skipped test at the end: its title carries the reason. */
export const skipsReporter: Reporter = {
  onTestRunEnd: modules => {
    const skipped = modules.flatMap(skippedIn);
    if (skipped.length > 0) process.stdout.write(`\nskipped:\n${skipped.map(line => `  ${line}\n`).join('')}`);
  },
};

function skippedIn(module: TestModule): string[] {
  return [...module.children.allTests('skipped')].map(test => `${module.relativeModuleId}: ${test.fullName}`);
}
