import type { Program } from 'acorn'
import { full } from 'acorn-walk'
import { contextCalls } from './connector-calls.ts'

/** Parts of `ctx` by which code reaches further than the actions of apps it names. */
export const REACHES = ['fetch', 'secrets', 'workflows'] as const
export type Reaches = (typeof REACHES)[number]

/**
 * What code calls of them, as far as it can be seen. Code can hide what it calls: what it may reach is decided where it
 * runs, by the `reach` of its version. This is for telling people.
 */
export function seenReach(program: Program): Reaches[] {
  const seen = new Set<Reaches>()
  for (const { chain } of contextCalls(program)) {
    const reached = reachedBy(chain)
    if (reached !== undefined) seen.add(reached)
  }
  full(program, (node) => {
    const call = node as { type: string; callee?: { type: string; name?: string } }
    if (call.type === 'CallExpression' && call.callee?.type === 'Identifier' && call.callee.name === 'fetch')
      seen.add('fetch')
  })
  return REACHES.filter((one) => seen.has(one))
}

function reachedBy([, area, what]: readonly string[]): Reaches | undefined {
  if (area === 'fetch' || area === 'secrets') return area
  if (area === 'workflows' || area === 'flow' || area === 'events') return 'workflows'
  const changes = what === 'set' || what === 'delete'
  return (area === 'config' || area === 'envConfig') && changes ? 'workflows' : undefined
}
