import { conflict, notFound } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import { fireDueSchedules, fireSchedule } from '../../db/schedules.ts'
import type { Admission } from '../executions/admission.ts'
import { every } from '../queue/every.ts'
import { decideDue, scheduledEvent } from './due.ts'
import { SchedulerConfig } from './scheduler-config.ts'

const LOOK_EVERY_MS = 1_000
const MAX_DUE = 100

export interface Schedules {
  /**
   * Runs a scheduler now, besides its timetable, which stays as it is.
   * @throws AppError `not_found`; `conflict` when none of its routes leads to a deployed workflow
   */
  runNow(triggerId: string): Promise<{ eventId: string; executionIds: string[] }>
  /** One look at what is due. Gives the number of runs started. */
  look(now?: Date): Promise<number>
  /** Looks every second until stopped. */
  start(): void
  stop(): Promise<void>
}

/** Starts the runs of scheduler triggers. Every process may: the database decides who runs which moment. */
export function buildSchedules(deps: { db: Database; admission: Admission; log: Logger }): Schedules {
  const { db, admission, log } = deps

  const look: Schedules['look'] = async (now) => {
    let started = 0
    for (;;) {
      const { accepted, advances, disabled, admitted } = await fireDueSchedules(db, decideDue, {
        limit: MAX_DUE,
        now,
      })
      for (const { triggerId, reason } of disabled)
        log.warn({ trigger: triggerId, reason }, 'scheduler switched off')
      for (const { event } of accepted.filter(({ executions }) => executions.length === 0))
        log.warn({ trigger: event.trigger_id }, 'a scheduler has no route to anything deployed')
      await admission.enqueue(admitted)
      started += accepted.length
      if (advances.length + disabled.length < MAX_DUE) return started
    }
  }

  let stop: (() => Promise<void>) | undefined
  return {
    runNow: async (triggerId) => {
      const fired = await fireSchedule(db, triggerId, (row) => {
        const made = scheduledEvent(row, SchedulerConfig.parse(row.config), null)
        if (made.executions.length > 0) return made
        throw conflict('None of its routes leads to a workflow that is deployed and active.', {
          hint: 'Deploy the workflow to the environment of the route with deploy_workflow.',
        })
      })
      if (fired === undefined) throw notFound('scheduler', triggerId, 'list_triggers shows them.')
      const { accepted, admitted } = fired
      await admission.enqueue(admitted)
      return { eventId: accepted.event.id, executionIds: accepted.executions.map(({ id }) => id) }
    },
    look,
    start: () => {
      stop = every(LOOK_EVERY_MS, () => look(), log, 'schedulers')
    },
    stop: async () => stop?.(),
  }
}
