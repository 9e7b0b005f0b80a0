import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  customerLane,
  FAIR_PLACES,
  keptSlots,
  type Lane,
  nextInLane,
  pass,
  passAtOnce,
  placesOf,
  reserveStart,
  room,
  triggerLane,
  turnIn,
  workflowLane,
} from './lane-places.ts'

const lane = (id: string, places: number | null, rate?: { limit: number; seconds: number }): Lane => ({
  id,
  places,
  taken: 0,
  waiting: 0,
  live: 0,
  startsLimit: rate?.limit ?? null,
  startsSeconds: rate?.seconds ?? null,
  windowMs: 0,
  windowStarts: 0,
  lastTurn: '',
})

interface Run {
  id: string
  owner: string
  lanes: string[]
  slots: number
}

/** What db/lanes.ts does in tables, in memory: arrivals, ends, and places given on. */
function buildWorld(lanes: readonly Lane[]) {
  const byId = new Map(lanes.map((one) => [one.id, one]))
  const waits = new Map<string, Run[]>()
  const admitted: Run[] = []
  const log: string[] = []
  const proceed = (run: Run) => {
    const { slots, waitsIn } = pass(byId, run)
    run.slots = slots
    if (waitsIn === null) {
      admitted.push(run)
      log.push(run.id)
    } else waits.set(waitsIn, [...(waits.get(waitsIn) ?? []), run])
    for (const one of byId.values()) expect(one.taken).toBeLessThanOrEqual(placesOf(one))
  }
  const serve = () => {
    for (;;) {
      const open = [...byId.values()].find((one) => one.waiting > 0 && room(one) > 0)
      if (open === undefined) return
      const queue = waits.get(open.id) ?? []
      // Turns as the query gives them: from the one after the last served on, round.
      const turns = [...new Set(queue.map((run) => turnIn(open.id, run.owner)))].sort()
      const order = [
        ...turns.filter((turn) => turn > open.lastTurn),
        ...turns.filter((turn) => turn <= open.lastTurn),
      ]
      const waiting = order.flatMap((turn) =>
        queue
          .filter((run) => turnIn(open.id, run.owner) === turn)
          .map((run) => ({ id: run.id, lane: open.id, turn })),
      )
      for (const { id, turn } of nextInLane(waiting, room(open))) {
        const run = queue.find((one) => one.id === id)
        if (run === undefined) throw new Error('chosen from among others')
        waits.set(
          open.id,
          (waits.get(open.id) ?? []).filter((one) => one !== run),
        )
        open.taken += 1
        open.waiting -= 1
        open.lastTurn = turn
        run.slots += 1
        proceed(run)
      }
    }
  }
  return {
    log,
    admitted,
    lanes: byId,
    arrive: proceed,
    /** The run has ended, or makes way for others and comes back later. */
    leave: (run: Run, again: boolean) => {
      admitted.splice(admitted.indexOf(run), 1)
      const kept = again ? keptSlots(run.lanes) : 0
      for (const id of run.lanes.slice(kept)) {
        const left = byId.get(id)
        if (left !== undefined) left.taken -= 1
      }
      run.slots = kept
      serve()
      if (again) proceed(run)
    },
  }
}

const owners = ['ann', 'bob', 'cy']

test('whatever comes and goes, no lane ever holds more than it may, all run, and every place is given back', () => {
  const step = fc.record({
    owner: fc.constantFrom(...owners),
    workflow: fc.constantFrom('one', 'two', 'kept', null),
    ordered: fc.boolean(),
    ends: fc.nat(8),
    again: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), (steps, places) => {
      const world = buildWorld([
        ...owners.map((owner) => lane(customerLane(owner), places)),
        lane(workflowLane('one', 'dev', { key: null, owner: '' }), 2),
        lane(workflowLane('two', 'dev', { key: 'k', owner: '' }), 1),
        lane(workflowLane('kept', 'dev', { key: 'k', hold: 'until_ended', owner: '' }), 1),
        lane(triggerLane('hook'), 1),
      ])
      let keeps: string | undefined
      const inOrder: string[] = []
      const firstStart: string[] = []
      let inTurn: string | undefined
      const look = () => {
        for (const id of world.log.splice(0)) {
          if (id.includes('k')) {
            // The same holds of a workflow whose places are kept until the end.
            expect(keeps ?? id).toBe(id)
            keeps = id
          }
          if (!id.startsWith('o')) continue
          // From its first start to its end, retries and waits included, no other of the trigger starts.
          expect(inTurn ?? id).toBe(id)
          inTurn = id
          if (!firstStart.includes(id)) firstStart.push(id)
        }
      }
      const leave = (run: Run, again: boolean) => {
        if (!again && run.id === inTurn) inTurn = undefined
        if (!again && run.id === keeps) keeps = undefined
        world.leave(run, again)
        look()
      }
      let back = 0
      steps.forEach(({ owner, workflow, ordered, ends, again }, n) => {
        const id = `${ordered ? 'o' : 'p'}${workflow === 'kept' ? 'k' : ''}${n}`
        if (ordered) inOrder.push(id)
        const lanes = [
          ...(ordered ? [triggerLane('hook')] : []),
          ...(workflow === null
            ? []
            : [
                workflowLane(workflow, 'dev', {
                  owner: '',
                  key: workflow === 'one' ? null : 'k',
                  hold: workflow === 'kept' ? 'until_ended' : 'while_running',
                }),
              ]),
          customerLane(owner),
        ]
        world.arrive({ id, owner, lanes, slots: 0 })
        look()
        const ending = world.admitted[ends % Math.max(1, world.admitted.length)]
        if (ending !== undefined) {
          if (again) back += 1
          leave(ending, again && back < 40)
        }
      })
      while (world.admitted[0] !== undefined) leave(world.admitted[0], false)
      expect(
        [...world.lanes.values()].flatMap(({ taken, waiting }) => [taken, waiting]).every((n) => n === 0),
      ).toBe(true)
      expect(firstStart).toEqual(inOrder)
    }),
    { numRuns: 300 },
  )
})

test('who arrives while a place is free but others wait for it waits behind them', () => {
  const hook = { ...lane(triggerLane('hook'), 1), waiting: 1 }
  const arrived = pass(new Map([[hook.id, hook]]), { id: 'late', lanes: [hook.id], slots: 0 })
  expect(arrived).toEqual({ slots: 0, waitsIn: hook.id })
  expect(hook).toMatchObject({ taken: 0, waiting: 2 })
})

describe('fairness', () => {
  test('places are shared out evenly among those that wait, as far as each has use for them', () => {
    const waiting = fc.array(fc.constantFrom(...owners), { maxLength: 30 })
    fc.assert(
      fc.property(waiting, fc.nat(12), (turns, places) => {
        const all = turns.map((turn, n) => ({ id: `${n}`, lane: 'w:w:dev', turn }))
        const chosen = nextInLane(all, places)
        expect(chosen).toHaveLength(Math.min(places, all.length))
        const got = owners.map((owner) => ({
          had: all.filter(({ turn }) => turn === owner).length,
          got: chosen.filter(({ turn }) => turn === owner).length,
        }))
        const most = Math.max(...got.map((one) => one.got))
        for (const one of got) expect(one.got >= most - 1 || one.got === one.had).toBe(true)
      }),
    )
  })

  test('however many of one customer wait, another’s single run is with the workers at once', () => {
    const world = buildWorld([lane(customerLane('flood'), null), lane(customerLane('one'), null)])
    for (let n = 0; n < 20 * FAIR_PLACES; n += 1)
      world.arrive({ id: `f${n}`, owner: 'flood', lanes: [customerLane('flood')], slots: 0 })
    expect(world.admitted).toHaveLength(FAIR_PLACES)
    world.arrive({ id: 'single', owner: 'one', lanes: [customerLane('one')], slots: 0 })
    expect(world.admitted.at(-1)?.id).toBe('single')
  })

  test('in a workflow’s lane that customers share they take turns', () => {
    const shared = workflowLane('w', 'dev', { key: null, owner: '' })
    const world = buildWorld([lane(shared, 1), ...owners.map((owner) => lane(customerLane(owner), null))])
    for (let n = 0; n < 50; n += 1)
      world.arrive({ id: `ann${n}`, owner: 'ann', lanes: [shared, customerLane('ann')], slots: 0 })
    for (const owner of ['bob', 'cy'])
      world.arrive({ id: owner, owner, lanes: [shared, customerLane(owner)], slots: 0 })
    for (let n = 0; n < 4; n += 1) if (world.admitted[0] !== undefined) world.leave(world.admitted[0], false)
    expect(world.log.slice(0, 5)).toEqual(expect.arrayContaining(['bob', 'cy']))
  })

  test('who is waited for by a caller passes a customer’s backlog, but not a limit that was set', () => {
    const full = { ...lane(customerLane('a'), null), taken: FAIR_PLACES, waiting: 9 }
    expect(passAtOnce(new Map([[full.id, full]]), [full.id])).toBeUndefined()
    const limited = { ...lane(customerLane('b'), 2), taken: 2 }
    expect(passAtOnce(new Map([[limited.id, limited]]), [limited.id])).toBe(limited)
    expect(limited.taken).toBe(2)
  })
})

test('starts of a lane: never more in a window than it may, in the order of asking, none later than needed', () => {
  const asked = fc.array(fc.nat(5_000), { maxLength: 60 })
  fc.assert(
    fc.property(asked, fc.integer({ min: 1, max: 5 }), (gaps, limit) => {
      const rate = lane('r:w:dev', null, { limit, seconds: 2 })
      const windows = new Map<string, number>()
      let now = 1_000_000
      let last = 0
      for (const gap of gaps) {
        now += gap
        const delay = reserveStart(rate, now)
        const startsAt = now + delay
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(startsAt).toBeGreaterThanOrEqual(last)
        last = startsAt
        const at = `${rate.windowMs}+${Math.floor((startsAt - rate.windowMs) / 2_000)}`
        const n = (windows.get(at) ?? 0) + 1
        windows.set(at, n)
        expect(n).toBeLessThanOrEqual(limit)
        // Only a full window makes anybody wait, and never longer than until the next one.
        if (delay > 0) {
          const before = `${rate.windowMs}+${Math.floor((startsAt - rate.windowMs) / 2_000) - 1}`
          expect(windows.get(before)).toBe(limit)
        }
      }
    }),
    { numRuns: 300 },
  )
})
