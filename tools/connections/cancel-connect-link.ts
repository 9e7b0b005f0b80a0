import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { cancelConnectLink as cancel } from '../../db/connect-links.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectLink, ConnectLinkRef, requireConnectLink, toConnectLink } from './connect-link.ts'

export const cancelConnectLink = defineTool({
  name: 'cancel_connect_link',
  title: 'Cancel a connect link',
  description:
    'Makes a connect link that nobody has used yet useless at once: for one sent to the wrong person, or not needed any more.',
  input: z.object({ link: ConnectLinkRef }),
  output: z.object({ link: ConnectLink }),
  permission: 'connections.create',
  effect: 'write',
  idempotent: true,
  http: 'POST /connect-links/:link/cancel',
  resource: (input) => input.link,
  async run(context, input) {
    const link = await context.transaction(async (tx) => {
      const before = await requireConnectLink(tx, input.link)
      if (!(await cancel(tx, input.link)) && before.status !== 'cancelled') {
        throw conflict('This link was used already.', {
          where: 'link',
          hint: `Its connection is ${before.connection_id}; delete_connection removes that.`,
        })
      }
      return requireConnectLink(tx, input.link)
    })
    context.services.connectLinks.used()
    return { link: toConnectLink(link) }
  },
})
