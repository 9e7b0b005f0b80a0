import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { ConnectLink, ConnectLinkRef, requireConnectLink, toConnectLink } from './connect-link.ts'

export const getConnectLink = defineTool({
  name: 'get_connect_link',
  title: 'Get a connect link',
  description:
    'How it stands with a connect link: pending, completed (with the connection it made), cancelled or expired. Its URL is shown only when it is made.',
  input: z.object({ link: ConnectLinkRef }),
  output: z.object({ link: ConnectLink }),
  permission: 'connections.read',
  effect: 'read',
  http: 'GET /connect-links/:link',
  async run(context, input) {
    return { link: toConnectLink(await context.read((tx) => requireConnectLink(tx, input.link))) }
  },
})
