/** What machine this is, and what runs on it: what a result may be compared within. */
import { execFile } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { isBuilt, version } from '../../src/api/package.ts';
import type { Machine } from '../model.ts';
import { textOf } from './files.ts';

/** Looks at `/proc` and `/sys`; what is not there is said to be unknown. */
export function machineHere(): Machine {
  const cpuinfo = textOf('/proc/cpuinfo');
  const [cpu, cores] = [cpuName(cpuinfo), availableParallelism()];
  return {
    arch: process.arch,
    platform: process.platform,
    kernel: release(),
    cpu,
    cores,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    governor: textOf('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor').trim() || null,
    virtualisation: virtualisation(cpuinfo),
    class: [process.arch, `${cores}c`, cpu, ...modelNumbers(cpuinfo)].join('-').replace(/[^A-Za-z0-9]+/g, '-'),
  };
}

/** Boards name themselves in the device tree, and their cores by number only. */
function cpuName(cpuinfo: string): string {
  const board = textOf('/proc/device-tree/model').replaceAll('\0', '').trim();
  const model = cpus()[0]?.model.trim() ?? '';
  if (board !== '') return board;
  return model !== '' && model !== 'unknown' ? model : (/^Hardware\s*:\s*(.+)$/m.exec(cpuinfo)?.[1] ?? 'unknown');
}

/** What tells processors of one name apart: hypervisors hide the name, not the numbers. */
function modelNumbers(cpuinfo: string): string[] {
  const names = ['cpu family', 'model', 'CPU implementer', 'CPU part'];
  return names.flatMap(name => new RegExp(`^${name}\\s*:\\s*(\\w+)$`, 'm').exec(cpuinfo)?.[1] ?? []);
}

/** User-mode emulation shows in that the kernel is of another architecture than the program. */
function virtualisation(cpuinfo: string): string {
  // An emulator may show another cpuinfo than the kernel's.
  const isX86 = textOf('/proc/sys/kernel/arch').trim() === 'x86_64' || /\bflags\s*:/.test(cpuinfo);
  if ((process.arch === 'arm64' || process.arch === 'arm') && isX86) return 'qemu-user';
  const vendor = textOf('/sys/class/dmi/id/sys_vendor').trim();
  if (/\bhypervisor\b/.test(cpuinfo)) return vendor === '' ? 'hypervisor' : `hypervisor (${vendor})`;
  return 'none';
}

/** `<version>-<commit>`, with `+` when the tree differs from it; the version alone without git, and in the built package. */
export async function ownVersion(): Promise<string> {
  if (isBuilt) return version;
  const git = (...args: string[]) =>
    promisify(execFile)('git', args, { cwd: new URL('.', import.meta.url) }).then(
      ({ stdout }) => stdout.trim(),
      () => '',
    );
  const [commit, changes] = [await git('rev-parse', '--short=12', 'HEAD'), await git('status', '--porcelain')];
  return commit === '' ? version : `${version}-${commit}${changes === '' ? '' : '+'}`;
}
