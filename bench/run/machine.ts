/** What machine this is, and what runs on it: what a result may be compared within. */
import { execFile } from 'node:child_process';
import { availableParallelism, cpus, machine, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { isBuilt, version } from '../../src/api/package.ts';
import type { Machine } from '../model.ts';
import { coresHere, threadsOfCore } from './cores.ts';
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
    virtualisation: virtualisationOf({
      arch: process.arch,
      kernel: textOf('/proc/sys/kernel/arch').trim() || machine(),
      cpuinfo,
      vendor: textOf('/sys/class/dmi/id/sys_vendor').trim(),
      product: textOf('/sys/class/dmi/id/product_name').trim(),
      tree: ['compatible', 'hypervisor/compatible'].map(name => textOf(`/proc/device-tree/${name}`)).join(' '),
    }),
    class: [process.arch, `${cores}c`, cpu, ...modelNumbers(cpuinfo)].join('-').replace(/[^A-Za-z0-9]+/g, '-'),
    threadsPerCore: threadsOfCore(),
    pinning: coresHere(),
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

/** Where a machine that is none of metal gives itself away. */
export interface Traces {
  /** As Node calls what it was built for. */
  readonly arch: string;
  /** As the kernel calls what it runs on. An emulator tells its own program what that expects, where it is asked by `uname`. */
  readonly kernel: string;
  /** An emulator may show another than the kernel's. */
  readonly cpuinfo: string;
  /** Of DMI; empty where the machine has none. */
  readonly vendor: string;
  readonly product: string;
  /** What the device tree says that the machine and its hypervisor are; empty where there is none. */
  readonly tree: string;
}

const families: readonly (readonly [family: string, name: RegExp])[] = [
  ['x86', /^(x64|ia32|x86_64|i\d86)$/],
  ['arm', /^(arm.*|aarch64.*)$/],
];

/** Only virtual machines are sold under these; Amazon's and Microsoft's metal has another product. */
const virtual =
  /qemu|kvm|bochs|amazon ec2 (?!.*metal)|google compute engine|microsoft corporation virtual machine|vmware|virtualbox|\bxen\b|parallels|apple virtualization|openstack|alibaba cloud|hetzner vserver|digitalocean/i;

/** A processor that QEMU makes of another: nobody else has the name, or the number. Under others it may emulate, too. */
const translated = /^model name\s*:\s*QEMU TCG|^CPU implementer\s*:\s*0x00$/m;

/** `none` on metal, else which emulation or hypervisor it is. User-mode emulation shows in that the kernel is of another family. */
export function virtualisationOf({ arch, kernel, cpuinfo, vendor, product, tree }: Traces): string {
  const own = familyOf(arch);
  const other = [familyOf(kernel), familyOfCpu(cpuinfo)].find(family => family !== undefined && family !== own);
  if (own !== undefined && other !== undefined) return own === 'arm' ? 'qemu-user' : `emulated on ${other}`;
  if (translated.test(cpuinfo)) return 'emulated by QEMU';
  const named = virtual.test(`${vendor} ${product}`) || /dummy-virt|linux,kvm|\bxen\b/.test(tree);
  if (!named && !/^flags\s*:.*\bhypervisor\b/m.test(cpuinfo)) return 'none';
  return vendor === '' ? 'hypervisor' : `hypervisor (${vendor})`;
}

function familyOf(name: string): string | undefined {
  return families.find(([, names]) => names.test(name))?.[0];
}

function familyOfCpu(cpuinfo: string): string | undefined {
  if (/^flags\s*:/m.test(cpuinfo)) return 'x86';
  return /^CPU implementer\s*:/m.test(cpuinfo) ? 'arm' : undefined;
}

/**
 * `<version>-<commit>`, with `+` when a file of the tree differs from it; the version alone without git, and in the built
 * package. What git does not know counts for nothing: a run may well write its results below the tree.
 */
export async function ownVersion(folder: string | URL = new URL('.', import.meta.url)): Promise<string> {
  if (isBuilt) return version;
  const git = (...args: string[]) =>
    promisify(execFile)('git', args, { cwd: folder }).then(
      ({ stdout }) => stdout.trim(),
      () => '',
    );
  const commit = await git('rev-parse', '--short=12', 'HEAD');
  const changes = await git('status', '--porcelain', '--untracked-files=no');
  return commit === '' ? version : `${version}-${commit}${changes === '' ? '' : '+'}`;
}
