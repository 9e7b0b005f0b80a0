import { isDeepStrictEqual } from 'node:util'
import type { Fault } from '../../environments/apps/app-server.ts'
import type { Row } from '../../environments/apps/definition.ts'
import type { Office, Owner } from '../../environments/apps/office.ts'
import type { Deployed } from './deployed.ts'

/** Rows of an app: `ledger.invoices`. */
export type Rows = Readonly<Record<`${string}.${string}`, readonly Row[]>>

/** Something that is tried with a workflow, which whoever built it has not seen. */
export interface HiddenTest {
  /** What has to hold, in a sentence. */
  promise: string
  /** What the apps hold before. */
  given?: Rows
  /** What goes wrong on the way. */
  faults?: readonly (Fault & { app: string })[]
  /** Payloads that arrive one after the other; of a schedule, one `null` for each time it comes. */
  arrives: readonly unknown[]
  /** They arrive at once in place of that. */
  together?: true
  /** How the runs of each arrival have to end; completed unless given. */
  ends?: readonly ('completed' | 'failed')[]
  /** Runs that fail are run again once, from the start, as whoever operates it would. */
  replayed?: true
  /** What the apps hold after: of each kind named all, in any order, ids left out. Kinds that are not named are as before. */
  after: Rows
}

/** Tries it, and says in what the end state is another one. */
export async function tryOut(
  office: Office,
  deployed: Deployed,
  test: HiddenTest,
  owner: Owner,
): Promise<string[]> {
  office.reset()
  for (const [kind, rows] of Object.entries(test.given ?? {})) {
    const [app = '', resource = ''] = kind.split('.')
    office.account(app, owner).put(resource, ...rows)
  }
  const before = office.state()
  for (const { app, ...fault } of test.faults ?? []) office.app(app).fail(fault)
  const problems: string[] = []
  const together = test.together === true ? await Promise.all(test.arrives.map(deployed.fire)) : undefined
  for (const [number, payload] of test.arrives.entries()) {
    for (const run of together?.[number] ?? (await deployed.fire(payload))) {
      const end = run.status === 'failed' && test.replayed === true ? await deployed.replay(run.id) : run
      const wanted = test.ends?.[number] ?? 'completed'
      if (end.status !== wanted)
        problems.push(
          `a run ended as ${end.status}, not ${wanted}${end.error === '' ? '' : `: ${end.error}`}`,
        )
    }
  }
  return [...problems, ...differences(before, office.state(), test.after, owner)].map(
    (problem) => `${test.promise}: ${problem}`,
  )
}

function differences(
  before: Record<string, unknown>,
  now: Record<string, unknown>,
  after: Rows,
  owner: Owner,
): string[] {
  const wanted: Record<string, unknown> = { ...before }
  for (const [kind, rows] of Object.entries(after)) {
    const [app = '', resource = ''] = kind.split('.')
    wanted[`${app} of ${owner}: ${resource}`] = rows
  }
  return [...new Set([...Object.keys(wanted), ...Object.keys(now)])].flatMap((kind) => {
    const [is, should] = [plain(now[kind]), plain(wanted[kind])]
    return isDeepStrictEqual(is, should)
      ? []
      : [`${kind} should hold ${shown(should)}, and holds ${shown(is)}`.slice(0, MAX_SHOWN_CHARS)]
  })
}

const MAX_SHOWN_CHARS = 600
const shown = (rows: readonly string[]): string => (rows.length === 0 ? 'nothing' : rows.join(', '))

/** In an order of their own, and without the ids that the app gave. */
const plain = (rows: unknown): string[] =>
  ((rows ?? []) as Row[])
    .map(({ id: _id, ...row }) => JSON.stringify(row, Object.keys(row).toSorted()))
    .toSorted()
