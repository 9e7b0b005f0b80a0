import { z } from 'zod'

/** What may be written in: apps by their slugs, single actions as `connector.action`, and requests of the code's own as `ctx.fetch`. */
export const MayWrite = z
  .array(
    z.string().regex(/^([a-z0-9][a-z0-9_-]*|[a-z0-9][a-z0-9_-]*\.[A-Za-z0-9_-]+|ctx\.fetch)$/, {
      message: 'must be an app (ledger), an action (ledger.create_invoice) or ctx.fetch',
    }),
  )
  .max(100)
