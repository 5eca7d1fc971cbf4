/** What to try next, for those who have never seen it. */
import { packageFile } from '../../api/package.ts';
import type { Instance } from '../../sandbox/instance.ts';
import { dirOption, typedPath } from '../../sandbox/shell.ts';

/** As npm runs it from a clone, and as it is called when it is installed. */
function command(): string {
  const { npm_lifecycle_event: event } = process.env;
  if (event === undefined) return 'fsm';
  return event === 'npx' ? 'npx fsm' : 'npm run -s fsm --';
}

/** A colon in the variable would be the end of a path. */
function kubectl(kubeconfig: string): string {
  const path = typedPath(kubeconfig);
  return kubeconfig.includes(':') ? `kubectl --kubeconfig ${path}` : `KUBECONFIG=${path} kubectl`;
}

/**
 * Commands to be typed in another terminal, in the same directory: each names the sandbox that it is about. Where a
 * line is longer than `width` the command stands below what it does, whole, so that it can be copied.
 */
export function hints(instance: Instance, dir: string, width: number): string {
  const fsm = command();
  const demo = (name: string) => typedPath(packageFile(`src/sandbox/demo/${name}`));
  const where = dirOption(dir);
  const lines = [
    ['see the policy', `${fsm} get${where} trafficsplits -A`],
    ['send everyone to v2', `${fsm} apply${where} -f ${demo('split-to-v2.yaml')}`],
    ['… and back to v1', `${fsm} apply${where} -f ${demo('manifests/50-split.yaml')}`],
    ['ask why', `${fsm} why${where} bookbuyer bookstore /buy`],
    ['why not the thief', `${fsm} why${where} bookthief bookstore /buy`],
    ['let the thief buy', `${fsm} apply${where} -f ${demo('allow-bookthief.yaml')}`],
    ['see every proxy', `${fsm} proxy list${where}`],
    ['break something', `kill -9 ${instance.controllerPid}   (the controller: nobody notices)`],
    ['use kubectl', `${kubectl(instance.kubeconfig)} get pods -A`],
  ];
  const column = Math.max(...lines.map(([what = '']) => what.length));
  const text = lines.flatMap(([what = '', how = '']) => {
    const line = `  ${what.padEnd(column)}  ${how}`;
    return line.length <= width ? [line] : [`  ${what}`, `    ${how}`];
  });
  return ['', 'In another terminal, in this directory:', ...text, '', 'Ctrl-C ends everything.'].join('\n');
}
