import type { AnyAgent } from './frame/define-agent.ts'

/** Every agent of the product, in the order lists show them. */
export const agents: readonly AnyAgent[] = []
