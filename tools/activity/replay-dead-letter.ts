import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { defineTool } from '../define-tool.ts'
import { DeadLetterRef, requireDeadLetter } from './dead-letter.ts'
import { ExecutionSummary } from './execution.ts'
import { ReplayFrom, ReplayVersion, replay } from './replay.ts'

export const replayDeadLetter = defineTool({
  name: 'replay_dead_letter',
  title: 'Replay a dead letter',
  description:
    'Runs an execution that failed for good again, from its dead letter: a new execution in the background, with the same input and real effects. Mend, publish and deploy the workflow first. The dead letter is marked replayed.',
  input: z.object({ deadLetter: DeadLetterRef, version: ReplayVersion, from: ReplayFrom }),
  output: z.object({ execution: ExecutionSummary.describe('The new one.') }),
  permission: 'events.replay',
  effect: 'write',
  openWorld: true,
  http: 'POST /dead-letters/:deadLetter/replay',
  successStatus: 202,
  resource: (input) => input.deadLetter,
  async run(context, input) {
    const row = await context.read((tx) => requireDeadLetter(tx, input.deadLetter))
    if (row.status !== 'pending' || row.execution_id === null)
      throw conflict(`The dead letter '${row.id}' is ${row.status} already.`, {
        where: 'deadLetter',
        hint:
          row.replay_execution_id === null
            ? 'Only pending ones can be replayed.'
            : `get_execution {"execution":"${row.replay_execution_id}"} shows how the replay went; replay_execution runs one again.`,
      })
    return {
      execution: await replay(context, row.execution_id, input.version, {
        pendingDeadLetter: true,
        from: input.from,
      }),
    }
  },
})
