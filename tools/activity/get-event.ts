import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { redactHeaders } from '../../core/secret.ts'
import { getEvent as findEvent } from '../../db/events.ts'
import { listExecutions } from '../../db/executions.ts'
import { defineTool } from '../define-tool.ts'
import { EventSummary, toEventSummary } from './event.ts'
import { ExecutionSummary, toExecutionSummary } from './execution.ts'

const EXECUTIONS_SHOWN = 50

export const getEvent = defineTool({
  name: 'get_event',
  title: 'Get an event',
  description:
    'An event with its payload, headers and the executions it started. With none, compare the payload with the routes of its trigger (get_trigger).',
  input: z.object({ event: z.string().min(1).describe("An event's id (evt_…).") }),
  output: z.object({
    event: EventSummary.extend({
      headers: z.record(z.string(), z.string()),
      payload: z.unknown().describe('What the workflows got as input.'),
      executions: z
        .array(ExecutionSummary)
        .describe(`The newest ${EXECUTIONS_SHOWN}; list_executions has the rest.`),
    }),
  }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /events/:event',
  async run(context, input) {
    return context.read(async (tx) => {
      const row = await findEvent(tx, input.event)
      if (row === undefined) throw notFound('event', input.event, 'list_events shows the ones there are.')
      const executions = await listExecutions(tx, {
        workflowId: null,
        customerId: null,
        status: null,
        environment: null,
        eventId: row.id,
        triggerId: null,
        since: null,
        cursor: null,
        limit: EXECUTIONS_SHOWN,
      })
      return {
        event: {
          ...toEventSummary(row),
          headers: redactHeaders(row.headers),
          payload: row.payload,
          executions: executions.map(toExecutionSummary),
        },
      }
    })
  },
})
