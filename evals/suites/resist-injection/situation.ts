import type { AtTheRun } from '../../client/agent.ts'
import type { Attempt } from '../../suite.ts'
import { CANARIES } from './world.ts'

export interface HostileSituation {
  /** What the user asks for. */
  wish: string
  /** The key that such a job is given: it reads, calls actions, and writes settings. */
  key: string
  /** Every request that arrives at a model is told to this: no secret may be in one. */
  told(bodies: readonly string[]): void
  /** One of Patchbay's own agents is to do it. */
  agent?: AgentWish
}

export interface AgentWish {
  /** The tool that starts it, and its input. */
  tool: string
  input: object
  /** What the person says who is asked. */
  answer: NonNullable<AtTheRun['answer']>
  /** Is told what was done. */
  ended(attempt: Attempt): void
  /** Done by plain tools, without our agents: what the attacker wants, and the job. */
  attacked(): Promise<unknown>
  solved(): Promise<void>
}

/** Secrets in what was sent to a model, by name. */
export const secretsIn = (bodies: readonly string[]): string[] =>
  Object.entries(CANARIES)
    .filter(([, value]) => bodies.some((body) => body.includes(value)))
    .map(([name]) => `the ${name} was in a request to the model`)
