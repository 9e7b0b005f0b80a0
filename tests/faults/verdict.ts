import pg from 'pg'
import type { Ledger } from './ledger.ts'
import { effectsOf, kindOf, type Workload } from './workload.ts'

const DRAIN_MS = 180_000
const LOOK_EVERY_MS = 1_000
const SAY_EVERY_MS = 10_000
const ORDERS = ['fault-order', 'fault-quiet']
const ENDED = ['completed', 'failed', 'timeout', 'cancelled']

/** What came of a run; the figures under `wrong` must all be 0. */
export interface Figures {
  accepted: number
  completed: number
  /** Executions that failed, by the name of the error. */
  failed: Record<string, number>
  deliveriesRepeated: number
  effects: number
  /** Requests beyond one for each effect: the call under way when something died, made again with the same key. */
  requestsRepeated: number
  /** Calls without a key that were made again; nothing is promised for them. */
  unkeyedRepeated: number
  runs: number
  wrong: {
    /** Accepted and never ended. */
    lost: number
    /** Orders that several executions were started for. */
    startedTwice: number
    /** Effects that more than one idempotency key was used for: an app that honours keys would have done them twice. */
    effectsTwice: number
    /** Effects of completed executions that did not happen. */
    effectsMissing: number
    /** Calls that were asked for again after their answer was recorded. */
    recordedRunAgain: number
    /** Completed executions whose output is not what their own record, state, child and event say. */
    outputsWrong: number
  }
  /** What is wrong, with names; empty when nothing is. */
  notes: string[]
}

interface Execution {
  id: string
  order: string
  slug: string
  status: string
  run: number
  output: {
    order?: string
    stamp?: string
    state?: string
    child?: string
    event?: { order?: string }
  } | null
  error: { name?: string; message?: string } | null
}

/**
 * Notes each answer of the ledger when it is first recorded: the rows themselves are written again when a call is made
 * again.
 */
export async function noteRecorded(databaseUrl: string): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    await client.query(`
      CREATE TABLE public.recorded (effect text, serial int);
      CREATE FUNCTION public.note_recorded() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN
        INSERT INTO public.recorded VALUES (NEW.output->'output'->>'effect', (NEW.output->'output'->>'serial')::int);
        RETURN NEW;
      END $$;
      CREATE TRIGGER note_recorded AFTER INSERT OR UPDATE ON patchbay.execution_steps FOR EACH ROW
        WHEN (NEW.kind = 'connectors.call' AND NEW.status = 'done') EXECUTE FUNCTION public.note_recorded()`)
  } finally {
    await client.end()
  }
}

/** Waits until nothing is under way any more, and compares what was promised with what happened. */
export async function reachVerdict(
  databaseUrl: string,
  workload: Workload,
  ledger: Ledger,
  say: (text: string) => void,
): Promise<Figures> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    const executions = await drained(client, workload, say)
    const recorded = await client.query<{ effect: string; serial: number }>(
      'SELECT effect, min(serial) AS serial FROM public.recorded GROUP BY effect',
    )
    return judge(executions, recorded.rows, workload, ledger)
  } finally {
    await client.end()
  }
}

async function drained(
  client: pg.Client,
  workload: Workload,
  say: (text: string) => void,
): Promise<Execution[]> {
  const startedAt = Date.now()
  let sayAt = SAY_EVERY_MS
  for (;;) {
    const { rows } = await client.query<Execution>(
      `SELECT e.id, e.input->>'order' AS order, w.slug, e.status, e.run, e.output, e.error
       FROM patchbay.executions e JOIN patchbay.workflows w ON w.id = e.workflow_id ORDER BY e.id`,
    )
    const orders = rows.filter(({ slug }) => ORDERS.includes(slug))
    const over = orders.length >= workload.accepted.size && rows.every(({ status }) => ENDED.includes(status))
    const ms = Date.now() - startedAt
    if (over || ms > DRAIN_MS) return rows
    if (ms > sayAt) {
      sayAt += SAY_EVERY_MS
      const left = Object.entries(Object.groupBy(rows, ({ status }) => status))
      say(
        `after ${Math.round(ms / 1000)} s: ${left.map(([status, of]) => `${of?.length} ${status}`).join(', ')}`,
      )
    }
    await new Promise((next) => setTimeout(next, LOOK_EVERY_MS))
  }
}

function judge(
  executions: readonly Execution[],
  recorded: readonly { effect: string; serial: number }[],
  workload: Workload,
  ledger: Ledger,
): Figures {
  const notes: string[] = []
  const note = (what: string, found: readonly string[]) => {
    if (found.length > 0)
      notes.push(`${what}: ${found.slice(0, 10).join(', ')}${found.length > 10 ? ', …' : ''}`)
    return found.length
  }
  const runs = executions.filter(({ slug }) => ORDERS.includes(slug))
  const byOrder = Map.groupBy(runs, ({ order }) => order)
  const completed = runs.filter(({ status }) => status === 'completed')
  const failed: Record<string, number> = {}
  for (const { status, error } of runs) {
    if (status === 'completed' || !ENDED.includes(status)) continue
    const name = `${status} ${error?.name}: ${error?.message?.slice(0, 80)}`
    failed[name] = (failed[name] ?? 0) + 1
  }

  const keys = new Map<string, Set<string>>()
  const last = new Map<string, number>()
  const stamps = new Map<string, Set<string | null>>()
  ledger.asked.forEach(({ effect, key, stamp }, serial) => {
    keys.set(effect, (keys.get(effect) ?? new Set()).add(key))
    stamps.set(effect, (stamps.get(effect) ?? new Set()).add(stamp))
    last.set(effect, serial)
  })
  const kept = new Set(ledger.kept.values())
  const isRight = ({ order, output }: Execution) => {
    const told = [...(stamps.get(`${order}/last`) ?? [])]
    return (
      output !== null &&
      output.order === order &&
      output.child === order &&
      output.stamp === output.state &&
      (kindOf(order) === 'quiet' || (told.length === 1 && told[0] === output.stamp)) &&
      (kindOf(order) !== 'waits' || output.event?.order === order)
    )
  }
  const unended = [...workload.accepted.keys()].filter(
    (order) => !(byOrder.get(order) ?? []).some(({ status }) => ENDED.includes(status)),
  )
  return {
    accepted: workload.accepted.size,
    completed: completed.length,
    failed,
    deliveriesRepeated: workload.repeated,
    effects: kept.size,
    requestsRepeated: ledger.asked.length - keys.size,
    unkeyedRepeated: [...ledger.unkeyed.values()].reduce((sum, times) => sum + times - 1, 0),
    runs: executions.reduce((sum, { run }) => sum + run, 0),
    wrong: {
      lost: note(
        'lost',
        unended.map((order) => `${order} (${byOrder.get(order)?.map((one) => `${one.id} ${one.status}`)})`),
      ),
      startedTwice: note(
        'started twice',
        [...byOrder].filter(([, same]) => same.length > 1).map(([order]) => order),
      ),
      effectsTwice: note(
        'effects with several keys',
        [...keys].filter(([, used]) => used.size > 1).map(([effect]) => effect),
      ),
      effectsMissing: note(
        'effects missing',
        completed.flatMap(({ order }) => effectsOf(order).filter((effect) => !kept.has(effect))),
      ),
      recordedRunAgain: note(
        'recorded and asked for again',
        recorded.filter(({ effect, serial }) => (last.get(effect) ?? 0) > serial).map(({ effect }) => effect),
      ),
      outputsWrong: note(
        'outputs wrong',
        completed
          .filter((run) => !isRight(run))
          .map(
            ({ id, order, output }) =>
              `${id} ${JSON.stringify(output)} told ${[...(stamps.get(`${order}/last`) ?? [])]}`,
          ),
      ),
    },
    notes,
  }
}
