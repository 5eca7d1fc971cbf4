/** `fsm sandbox up|down` */
import { Command, Option } from 'commander';
import { say } from '../stdout.ts';

export function sandboxCommand(): Command {
  const sandbox = new Command('sandbox').description('a small cluster of processes on this machine, with a demo in it');
  sandbox
    .command('up')
    .description('start it, show who calls whom, and end it with Ctrl-C')
    .addOption(new Option('--engine <name>', 'what sidecars are made of').choices(['node', 'pipy']).default('node'))
    .option('--port-base <port>', 'first of its ports', '17000')
    .option('--dir <dir>', 'where it keeps its files', '.fsm')
    .option('--threads <count>', 'worker threads of the controller', '0')
    .option('--no-demo', 'leave it empty')
    .action(async options => (await import('../screen/run.ts')).runSandbox(options));
  sandbox
    .command('down')
    .description('end the one that runs')
    .option('--dir <dir>', 'where it keeps its files', '.fsm')
    .action(async ({ dir }) => {
      const { stopSandbox } = await import('../../sandbox/down.ts');
      const { withProgress } = await import('../progress.ts');
      const pid = await withProgress('Waiting for the sandbox to end', stopSandbox(dir));
      say(`the sandbox in ${dir} has ended (process ${pid})`);
    });
  return sandbox;
}
