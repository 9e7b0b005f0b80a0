/** A process whose runs call a model, all at once, until a budget refuses them; says what each was refused with. */
import { buildModels } from '../../agents/models/build-models.ts'
import { readConfig } from '../../core/config.ts'
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { buildLogger } from '../../core/log.ts'
import { openDatabase } from '../../db/database.ts'
import { prepareQueueSchema } from '../../runtime/queue/execution-queue.ts'

const organizationId = process.env.ORGANIZATION ?? ''
const config = readConfig(process.env)
const db = await openDatabase({
  databaseUrl: config.databaseUrl,
  dataDir: config.dataDir,
  log: buildLogger('warn'),
  prepare: prepareQueueSchema,
})
const models = buildModels({ settings: config.model, db })

/** @returns the code and place of what it was refused with */
async function spend(): Promise<string> {
  const model = models.forRun({
    organizationId,
    runId: newId('agentRun'),
    budget: { maxTokens: 1_000_000, maxSteps: 1_000, maxSeconds: 120 },
    signal: new AbortController().signal,
    sink: { token: () => {}, call: () => {}, toolCall: () => {} },
  })
  const said = 'What do you make of this? '.repeat(20)
  for (;;) {
    try {
      await model.converse({
        ...{ tier: 'plan', system: 'You talk.', tools: [], maxSteps: 1 },
        messages: [{ role: 'user', content: said }],
      })
    } catch (error) {
      // A busy machine may keep the database from answering for a while.
      if (error instanceof AppError && error.code === 'unavailable') continue
      return error instanceof AppError ? `${error.code} ${error.where}` : String(error)
    }
  }
}

const ends = await Promise.all(Array.from({ length: Number(process.env.RUNS) }, spend))
process.stdout.write(`${JSON.stringify(ends)}\n`)
await db.close()
