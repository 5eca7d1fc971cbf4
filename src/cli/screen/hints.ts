/** What to try next, for those who have never seen it. */
import { relative } from 'node:path';
import { packageFile } from '../../api/package.ts';
import type { Instance } from '../../sandbox/instance.ts';

/** As npm runs it from a clone, and as it is called when it is installed. */
function command(): string {
  return process.env.npm_lifecycle_event === undefined ? 'fsm' : 'npm run -s fsm --';
}

/** Commands to be typed in another terminal, in the same directory. */
export function hints(instance: Instance, dir: string): string {
  const fsm = command();
  const demo = (name: string) => relative(process.cwd(), packageFile(`src/sandbox/demo/${name}`));
  const where = dir === '.fsm' ? '' : ` --dir ${dir}`;
  const lines = [
    ['see the policy', `${fsm} get trafficsplits -A`],
    ['send everyone to v2', `${fsm} apply -f ${demo('split-to-v2.yaml')}`],
    ['… and back to v1', `${fsm} apply -f ${demo('manifests/50-split.yaml')}`],
    ['ask why', `${fsm} why${where} bookbuyer bookstore /buy`],
    ['why not the thief', `${fsm} why${where} bookthief bookstore /buy`],
    ['let the thief buy', `${fsm} apply -f ${demo('allow-bookthief.yaml')}`],
    ['see every proxy', `${fsm} proxy list${where}`],
    ['break something', `kill -9 ${instance.controllerPid}   (the controller: nobody notices)`],
    ['use kubectl', `KUBECONFIG=${relative(process.cwd(), instance.kubeconfig)} kubectl get pods -A`],
  ];
  const width = Math.max(...lines.map(([what = '']) => what.length));
  const text = lines.map(([what = '', how]) => `  ${what.padEnd(width)}  ${how}`);
  return ['', 'In another terminal, in this directory:', ...text, '', 'Ctrl-C ends everything.'].join('\n');
}
