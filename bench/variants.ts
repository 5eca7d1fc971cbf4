/** Targets in other settings than the plain one, each with a row of its own. */
import type { Experiment, Setting, Variant } from './model.ts';
import type { Target } from './targets/target.ts';

/** The setting where no axis says otherwise. */
export const plainSetting: Setting = { upstreams: 1, services: 0, policies: 'on' };

/** What a suite says of the setting: lists of values. */
export type SettingAxes = { readonly [A in keyof Setting]?: readonly Setting[A][] };

/** In the order in which they are varied and told. */
export const settingAxes = ['services', 'upstreams', 'policies'] as const;

/** The name of a target, or of a variant of it: what is plain is not told. */
function nameOf(target: string, { services, upstreams, policies }: Partial<Setting>): string {
  const parts = [
    target,
    services !== undefined && times(services, 'service'),
    upstreams !== undefined && times(upstreams, 'upstream'),
    policies !== undefined && `policies ${policies}`,
  ];
  return parts.filter(part => part !== false).join(', ');
}

function times(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** A target in every setting that is on the axes, as far as it heeds them: the plain one is the target itself. */
export function rowsOf({ name: target, heeds }: Target, axes: SettingAxes): readonly Variant[] {
  let settings: Partial<Setting>[] = [{}];
  for (const axis of settingAxes) {
    const { [axis]: values } = axes;
    if (values === undefined || !heeds.includes(axis)) continue;
    const told = (value: Setting[typeof axis]) => (value === plainSetting[axis] ? {} : { [axis]: value });
    settings = settings.flatMap(setting => values.map(value => ({ ...setting, ...told(value) })));
  }
  return settings.map(setting => ({ name: nameOf(target, setting), target, ...setting }));
}

/** The name of the target that a row is of. */
export function targetOf({ variants = [] }: Pick<Experiment, 'variants'>, row: string): string {
  return variants.find(({ name }) => name === row)?.target ?? row;
}

/** Names of the targets that experiments are of, each once, whatever the settings of their rows. */
export function targetsIn(experiments: readonly Experiment[]): Set<string> {
  return new Set(experiments.flatMap(each => each.targets.map(row => targetOf(each, row))));
}

/** A target as the row of that name has it. */
export function inSetting(target: Target, { variants = [] }: Pick<Experiment, 'variants'>, row: string): Target {
  const variant = variants.find(({ name }) => name === row);
  if (variant === undefined) return target;
  const { name, target: _, ...setting } = variant;
  return { ...target, name, start: site => target.start({ ...site, ...setting }) };
}
