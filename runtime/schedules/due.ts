import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import type { AcceptedEvent } from '../../db/accepted-events.ts'
import type { DueScheduleRow, NextRun, ScheduleDecision } from '../../db/schedules.ts'
import { runLimits } from '../executions/run-limits.ts'
import { comingRun, SchedulerConfig } from './scheduler-config.ts'

/** A run this late has been missed, and the scheduler's policy says what becomes of it. */
export const MISSED_AFTER_MS = 60_000
/** Missed moments that `run_all` makes up for, at most. */
export const MAX_MADE_UP = 100

/** What becomes of schedulers that are due at `now`: the runs they start, and when they come next. */
export function decideDue(rows: readonly DueScheduleRow[], now: Date): ScheduleDecision {
  const accepted: AcceptedEvent[] = []
  const advances: ScheduleDecision['advances'][number][] = []
  const disabled: ScheduleDecision['disabled'][number][] = []
  for (const row of rows) {
    const parsed = SchedulerConfig.safeParse(row.config)
    if (!parsed.success) {
      // One of them, of whichever organization, must not keep all the others from running.
      const problems = z.prettifyError(parsed.error)
      disabled.push({ triggerId: row.trigger_id, reason: `Its settings cannot be read: ${problems}` })
      continue
    }
    const config = parsed.data
    if (config.maxFailures !== null && row.consecutive_failures >= config.maxFailures) {
      disabled.push({
        triggerId: row.trigger_id,
        reason: `Its last ${row.consecutive_failures} runs failed; after ${config.maxFailures} in a row it switches itself off.`,
      })
      continue
    }
    const { slots, next } = dueSlots(row, config, now)
    accepted.push(...slots.map((slot) => scheduledEvent(row, config, slot)))
    advances.push({
      trigger_id: row.trigger_id,
      next_slot_at: next.slotAt,
      next_run_at: next.runAt,
      ran: slots.length > 0,
    })
  }
  return { accepted, advances, disabled }
}

/** The moments to run now, by the policy for missed ones, and what comes after them. */
function dueSlots(row: DueScheduleRow, config: SchedulerConfig, now: Date): { slots: Date[]; next: NextRun } {
  const first = row.next_slot_at
  if (first === null) return { slots: [], next: comingRun(config, now) }
  const until = new Date(now.getTime() - config.delayMinutes * 60_000)
  const latest = latestSlot(config, first, until)
  const next = comingRun(config, latest)
  if (config.missedRuns === 'run_all') return { slots: allSlots(config, first, until), next }
  const missed = until.getTime() - latest.getTime() > MISSED_AFTER_MS
  return { slots: missed && config.missedRuns === 'skip' ? [] : [latest], next }
}

const slotAfter = (config: SchedulerConfig, after: Date) => comingRun(config, after).slotAt

/** Every moment from `first` on that is not after `until`: the last {@link MAX_MADE_UP} of them. */
function allSlots(config: SchedulerConfig, first: Date, until: Date): Date[] {
  // Looks back twice as far each time till there are enough: walking through all minutes of a year takes minutes.
  for (let backMs = MAX_MADE_UP * 60_000; until.getTime() - backMs > first.getTime(); backMs *= 2) {
    const slots = slotsFrom(config, slotAfter(config, new Date(until.getTime() - backMs)), until)
    if (slots.length >= MAX_MADE_UP) return slots.slice(-MAX_MADE_UP)
  }
  return slotsFrom(config, first, until).slice(-MAX_MADE_UP)
}

function slotsFrom(config: SchedulerConfig, from: Date | null, until: Date): Date[] {
  const slots: Date[] = []
  for (let slot = from; slot !== null && slot <= until; slot = slotAfter(config, slot)) slots.push(slot)
  return slots
}

const LOOK_BACK_MS = [60_000, 3_600_000, 86_400_000, 32 * 86_400_000]

/** The last moment that is not after `until`. After a year away there is no walking through every minute of it. */
function latestSlot(config: SchedulerConfig, first: Date, until: Date): Date {
  const starts = LOOK_BACK_MS.map((ms) => new Date(until.getTime() - ms)).filter((start) => start > first)
  let latest = first
  for (const start of starts) {
    const slot = slotAfter(config, start)
    if (slot !== null && slot <= until) {
      latest = slot
      break
    }
  }
  for (let slot = slotAfter(config, latest); slot !== null && slot <= until; slot = slotAfter(config, slot)) {
    latest = slot
  }
  return latest
}

/** The event of one moment, with an execution for each route that leads to something deployed. */
export function scheduledEvent(
  row: DueScheduleRow,
  config: SchedulerConfig,
  slot: Date | null,
): AcceptedEvent {
  const eventId = newId('event')
  const headers = { 'x-fastn-trigger-id': row.trigger_id, 'x-fastn-event-id': eventId }
  const executions = row.routes.flatMap((route) =>
    route.workflow_status !== 'active' || route.workflow_version_id === null || route.tier === null
      ? []
      : [
          {
            id: newId('execution'),
            organization_id: row.organization_id,
            customer_id: row.customer_id,
            workflow_id: route.workflow_id,
            workflow_version_id: route.workflow_version_id,
            environment: route.environment,
            tier: route.tier,
            status: 'queued' as const,
            triggered_by: 'scheduler' as const,
            event_id: eventId,
            trigger_id: row.trigger_id,
            parent_execution_id: null,
            replay_of: null,
            depth: 0,
            input: route.payload ?? {},
            headers: { ...headers, ...(slot === null ? {} : { 'x-scheduled-for': slot.toISOString() }) },
            max_attempts: route.max_attempts,
            ...runLimits(route, route.payload ?? {}),
            sequential: config.mode === 'sequential',
            dead_letter: config.deadLetter,
            worker: null,
          },
        ],
  )
  return {
    event: {
      id: eventId,
      organization_id: row.organization_id,
      customer_id: row.customer_id,
      source: 'scheduled',
      trigger_id: row.trigger_id,
      dedupe_key: slot === null ? null : slot.toISOString(),
      headers,
      payload: { scheduledFor: slot === null ? null : slot.toISOString() },
      status: executions.length > 0 ? 'delivered' : 'unmatched',
    },
    executions,
  }
}
