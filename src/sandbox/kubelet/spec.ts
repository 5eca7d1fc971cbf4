/** The fields of a pod that only a kubelet reads. */
import type { Container, Pod } from '../controllers/types.ts';
import type { OwnProgram } from './host.ts';

/** HTTP probe (core/v1 Probe); times in seconds as there. */
export interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port: number | string };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

/** A container as the sandbox runs it: a process. The image is only a name here. */
export type RunnableContainer = Container & { readonly workingDir?: string; readonly readinessProbe?: Probe };

/** The containers of the app, without the sidecar. */
export function appContainers(pod: Pod, sidecar: string | undefined): readonly RunnableContainer[] {
  return pod.spec.containers.filter(({ name }) => name !== sidecar);
}

/** `$(NAME)` in commands and arguments is replaced, `$$(NAME)` is not, unknown names stay (core/v1 Container). */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([A-Za-z_][\w.-]*)\)/g, (found, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? found),
  );
}

/** `env` of the container over what the sandbox gives; a value may refer to names before it. */
export function environmentOf(
  container: RunnableContainer,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = { ...given };
  for (const { name, value = '' } of container.env ?? []) env[name] = expand(value, env);
  return env;
}

/** Port number of a probe; a named one is looked up among the container's ports. */
export function probePort(container: RunnableContainer, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  return container.ports?.find(one => one.name === port)?.containerPort;
}

/** A command of the sandbox's own is started as what it is: neither a search path nor a shell has to hold its path. */
export function programOf(
  file: string,
  args: readonly string[],
  own: Readonly<Record<string, OwnProgram>>,
): { file: string; args: readonly string[] } {
  const program = Object.hasOwn(own, file) ? own[file] : undefined;
  return program === undefined ? { file, args } : { file: program.file, args: [...program.args, ...args] };
}
