import type { Models } from '../agents/models/models.ts'
import type { AnyAgent } from '../graphs/frame/define-agent.ts'
import type { ClaimDeps } from '../graphs/frame/run-claim.ts'

/** What tests put into a platform from outside; the product has none of it. */
export interface ComposeOptions {
  /** Agents besides those of the product. */
  agents?: readonly AnyAgent[]
  models?: Models
  /** Called in each visit of a node of any agent. */
  atNode?: NonNullable<ClaimDeps['atNode']>
}
