import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuthInfo, ServerEvent, ServerEventBus } from '@modelcontextprotocol/server'

/** Chooses whose streams an event reaches; all of them when absent. */
export type PrincipalMatch = (authInfo: AuthInfo | undefined) => boolean

export interface PrincipalBus {
  /** What `createMcpHandler` takes as its bus. */
  bus: ServerEventBus
  /** Runs `serve`, and remembers `authInfo` for the subscription it opens, if it opens one. */
  subscribing<T>(authInfo: AuthInfo | undefined, serve: () => Promise<T>): Promise<T>
  publish(event: ServerEvent, match?: PrincipalMatch): void
}

/**
 * Change events for `subscriptions/listen` streams (2026-07-28), filtered by principal. The SDK's bus
 * interface passes events only, so the principal rides on an AsyncLocalStorage: the router subscribes
 * while it serves the listen request, inside `subscribing`.
 */
export function buildPrincipalBus(onError: (error: Error) => void): PrincipalBus {
  const caller = new AsyncLocalStorage<{ authInfo: AuthInfo | undefined }>()
  const subscriptions = new Set<{
    authInfo: AuthInfo | undefined
    listener: (event: ServerEvent) => void
  }>()

  function publish(event: ServerEvent, match?: PrincipalMatch): void {
    for (const { authInfo, listener } of subscriptions) {
      if (match !== undefined && !match(authInfo)) continue
      try {
        listener(event)
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }

  return {
    publish,
    subscribing: (authInfo, serve) => caller.run({ authInfo }, serve),
    bus: {
      publish,
      subscribe(listener) {
        const subscription = { authInfo: caller.getStore()?.authInfo, listener }
        subscriptions.add(subscription)
        return () => {
          subscriptions.delete(subscription)
        }
      },
    },
  }
}
