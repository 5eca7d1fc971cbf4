/** Names a kind of object in the API: enough to build its paths. */
import type { PathOf } from '../api/resources.ts';

export { apiPath, apiVersionOf } from '../api/resources.ts';

export interface ResourceInfo extends PathOf {
  readonly kind: string;
  /** Every version that the mesh can read; tried in this order by a watch where `version` is not served. */
  readonly versions?: readonly string[];
}
