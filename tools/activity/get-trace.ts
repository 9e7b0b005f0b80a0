import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { getTrace as findTrace } from '../../db/traces.ts'
import { defineTool } from '../define-tool.ts'
import { Trace, toTrace } from './trace.ts'

export const getTrace = defineTool({
  name: 'get_trace',
  title: 'Get the trace of a connector call',
  description:
    'One call of a connector action: the request as sent and the response as received (secrets redacted, long bodies cut), and the error.',
  input: z.object({ trace: z.string().min(1).describe("A trace's id (trc_…).") }),
  output: z.object({ trace: Trace }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /traces/:trace',
  async run(context, input) {
    const row = await context.read((tx) => findTrace(tx, input.trace))
    if (row === undefined) throw notFound('trace', input.trace, 'list_traces shows the ones there are.')
    return { trace: toTrace(row) }
  },
})
