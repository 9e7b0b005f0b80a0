import type { Owner } from '../../../environments/apps/office.ts'
import type { WantedTrigger } from '../deployed.ts'
import type { HiddenTest } from '../hidden-test.ts'

/** A workflow that somebody wants, and what nobody tells who builds it. */
export interface WorkflowTask {
  name: string
  /** What kind of thing is hard about it. */
  kind: string
  request: string
  trigger: WantedTrigger
  /** Whose accounts it uses. */
  owner: Owner
  /** Code that does it, and the bound on its runs at once: the oracle's. */
  code: string
  concurrency?: object
  /** Made anew for each check, with names that were never used before: what a workflow remembers does not mix. */
  tests(fresh: (name: string) => string): readonly HiddenTest[]
}

/** What arrives at a webhook is told with the request. */
export const posted = (example: object): string =>
  `It is posted to us like this: ${JSON.stringify(example)}. The sender puts the key of the webhook into the header x-api-key.`
