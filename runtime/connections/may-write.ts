/** Requests of a workflow's own code, where things that may write are named. */
export const OWN_REQUESTS = 'ctx.fetch'

/** May `connector.action`, or `ctx.fetch`, write? @param mayWrite both by name, and apps, with all their actions */
export const isAllowed = (mayWrite: readonly string[], name: string): boolean =>
  mayWrite.some((one) => one === name || (name !== OWN_REQUESTS && name.startsWith(`${one}.`)))
