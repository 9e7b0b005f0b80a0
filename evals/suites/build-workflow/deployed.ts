import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Doors } from '../../doors.ts'
import { spelledOut } from '../../environments/cron.ts'

/** How a run ended. */
export interface Ended {
  id: string
  status: string
  error: string
}

/** What somebody built and deployed, ready to be tried. */
export interface Deployed {
  /** Lets something arrive, or the time come; gives the runs that it started, ended. */
  fire(payload: unknown): Promise<Ended[]>
  /** Runs one again from the start. */
  replay(execution: string): Promise<Ended>
}

/** How it is to be started. */
export interface WantedTrigger {
  type: 'webhook' | 'scheduler'
  /** Of a scheduler: once a day. */
  daily?: { time: string; timeZone: string }
}

export interface Trigger {
  id: string
  type: string
  enabled: boolean
  customerId: string | null
  webhook: { url: string } | null
  scheduler: { timetable: { type: string; cron?: string; time?: string }; timeZone: string } | null
  routes: { environment: string; deployed?: boolean }[]
}

const ENVIRONMENT = 'dev'
const MAX_LOOKS = 600
const PAUSE_MS = 100
const UNDER_WAY = ['queued', 'running', 'waiting']

/**
 * Finds what was built: one trigger that was not there before, of the wanted kind, for the right customer.
 * @returns in place of it, why there is none
 */
export async function findDeployed(
  doors: Doors,
  known: ReadonlySet<string>,
  wanted: WantedTrigger,
  customerId: string | null,
): Promise<Deployed | string> {
  const { triggers } = await doors.call('list_triggers', { limit: 100 })
  const made = (triggers as Trigger[]).filter(
    ({ id, type, enabled, routes }) =>
      !known.has(id) &&
      enabled &&
      type === wanted.type &&
      routes.some(({ environment }) => environment === ENVIRONMENT),
  )
  const [trigger, another] = made
  if (trigger === undefined) return `no ${wanted.type} starts anything in ${ENVIRONMENT}`
  if (another !== undefined) return `${made.length} ${wanted.type}s start something, and one was asked for`
  if (trigger.customerId !== customerId) return 'its trigger is not for the customer it was asked for'
  const { scheduler } = trigger
  if (scheduler !== null && !isWanted(scheduler, wanted))
    return `it runs at ${JSON.stringify(scheduler.timetable)} in ${scheduler.timeZone}, not daily at ${wanted.daily?.time} in ${wanted.daily?.timeZone}`
  return {
    fire: scheduler === null ? await webhook(doors, trigger) : () => timeComes(doors, trigger),
    replay: async (execution) => {
      const { execution: again } = await doors.call('replay_execution', { execution, from: 'start' })
      return ended(doors, again.id)
    },
  }
}

type Scheduler = NonNullable<Trigger['scheduler']>

function isWanted({ timetable, timeZone }: Scheduler, { daily }: WantedTrigger): boolean {
  if (daily === undefined || timeZone !== daily.timeZone) return false
  if (timetable.type === 'daily') return timetable.time === daily.time
  const [hour, minute] = daily.time.split(':').map(Number)
  return timetable.type === 'custom' && spelledOut(timetable.cron ?? '') === `${minute} ${hour} * * *`
}

async function webhook(doors: Doors, { id, webhook: hook }: Trigger): Promise<Deployed['fire']> {
  const secret = randomBytes(24).toString('base64url')
  await doors.call('rotate_webhook_secret', { trigger: id, secret })
  const path = new URL(hook?.url ?? '').pathname
  return async (payload) => {
    const { status, body } = await doors.post(path, payload, { 'x-api-key': secret })
    if (status >= 300) throw new Error(`the webhook answered ${status}: ${JSON.stringify(body)}`)
    return endedAll(doors, (body.executionIds ?? []) as string[])
  }
}

async function timeComes(doors: Doors, { id }: Trigger): Promise<Ended[]> {
  const { executionIds } = await doors.call('run_scheduler', { trigger: id })
  return endedAll(doors, executionIds as string[])
}

async function endedAll(doors: Doors, executions: readonly string[]): Promise<Ended[]> {
  const all: Ended[] = []
  for (const execution of executions) all.push(await ended(doors, execution))
  return all
}

async function ended(doors: Doors, id: string): Promise<Ended> {
  for (let look = 0; ; look += 1) {
    const { execution } = await doors.call('get_execution', { execution: id })
    if (!UNDER_WAY.includes(execution.status) || look === MAX_LOOKS)
      return { id, status: execution.status, error: execution.error?.message ?? '' }
    await sleep(PAUSE_MS)
  }
}
