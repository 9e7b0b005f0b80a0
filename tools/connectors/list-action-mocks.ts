import { z } from 'zod'
import { listActionMocks as queryMocks } from '../../db/action-mocks.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, Limit } from '../params.ts'
import { ActionRef, requireAction } from './action.ts'
import { ActionMock, toActionMock } from './action-mock.ts'
import { requireConnector } from './connector.ts'

export const listActionMocks = defineTool({
  name: 'list_action_mocks',
  title: 'List mocks of actions',
  description: 'What a connector’s actions answer in runs that are mocked, by action and scenario.',
  input: z.object({
    connector: ConnectorRef,
    action: ActionRef.nullable().default(null).describe('Only those of this action.'),
    offset: z.int().min(0).max(100_000).default(0).describe('Leaves out so many.'),
    limit: Limit,
  }),
  output: z.object({
    mocks: z.array(ActionMock),
    next: z.int().nullable().describe('Give it as `offset` for more; null: that was all.'),
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector/mocks',
  async run(context, { connector: ref, action, offset, limit }) {
    const { connector, rows } = await context.read(async (tx) => {
      const connector = await requireConnector(tx, ref)
      if (action !== null) await requireAction(tx, connector, action)
      return { connector, rows: await queryMocks(tx, connector.id, { action, offset, limit: limit + 1 }) }
    })
    return {
      mocks: rows.slice(0, limit).map((row) => toActionMock(connector, row)),
      next: rows.length > limit ? offset + limit : null,
    }
  },
})
