import type { Models } from '../agents/models/models.ts'
import type { AtNode } from '../graphs/frame/context.ts'
import type { AnyAgent } from '../graphs/frame/define-agent.ts'

/** What tests put into a platform from outside; the product has none of it. */
export interface ComposeOptions {
  /** Agents besides those of the product. */
  agents?: readonly AnyAgent[]
  models?: Models
  /** Called in each visit of a node of any agent. */
  atNode?: AtNode
  /** How often documentation is embedded in the background. */
  embedEveryMs?: number
  /** How often watched APIs that are due are looked for. */
  driftEveryMs?: number
}
