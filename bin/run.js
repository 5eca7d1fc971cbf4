/**
 * Runs a program of this package: the sources where they lie (a checkout), else what was built of them (the package).
 * Plain JavaScript that an old Node understands, since it finds the right one: `npm ci` brings it along.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The oldest Node that runs the sources, and what is built of them. */
const oldest = 24;

/** @param {string} path */
const at = path => new URL(`../${path}`, import.meta.url);

/**
 * Runs a module and hands on how it ends.
 *
 * @param {string} module path from the root of the package, without its extension
 * @returns {Promise<void>}
 */
export async function run(module) {
  const source = at(`${module}.ts`);
  const file = existsSync(source) ? source : at(`dist/${module}.js`);
  if (Number(process.versions.node.split('.')[0]) >= oldest) return void (await import(file.href));
  const node = fileURLToPath(at('node_modules/node/bin/node'));
  if (!existsSync(node)) return complain();
  await handOver(node, [fileURLToPath(file), ...process.argv.slice(2)]);
}

function complain() {
  console.error(
    `FSM6002: this is Node ${process.versions.node}; FSM needs ${oldest} or later. ` +
      'Fix: run "npm ci" in the checkout, which brings one along, or install a newer Node',
  );
  process.exitCode = 1;
}

/**
 * The other Node does everything; signals that are for us are for it. One that the terminal sends reaches it anyway.
 *
 * @param {string} node
 * @param {readonly string[]} args
 * @returns {Promise<void>}
 */
function handOver(node, args) {
  // The handlers come first: what arrives while the other is started would end this one alone.
  process.on('SIGINT', () => undefined);
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  const child = spawn(node, args, { stdio: 'inherit' });
  return new Promise(resolve => {
    child.on('error', error => {
      console.error(`FSM6002: ${node} cannot be run; ${error.message}. Fix: run "npm ci" again`);
      process.exitCode = 1;
      resolve();
    });
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? 128 + (signal === 'SIGKILL' ? 9 : 15);
      resolve();
    });
  });
}
