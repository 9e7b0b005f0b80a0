import type { RunContext } from '../frame/define-agent.ts'
import { type TakenBack, takeBackBy } from '../frame/taking-back.ts'

interface Source {
  id: string
  title: string
  indexedAt: string
}

const PAGE = 200

async function sourcesNow(run: RunContext): Promise<Source[]> {
  const found: Source[] = []
  let cursor: unknown
  do {
    const page = { limit: PAGE, ...(typeof cursor === 'string' ? { cursor } : {}) }
    const { sources, nextCursor } = await run.look('list_api_docs', page)
    found.push(...(sources as unknown as Source[]))
    cursor = nextCursor
  } while (typeof cursor === 'string')
  return found
}

/** Ids of the documentation there was before this run read any into the index: asked for before its first reading. */
export const docsBefore = (run: RunContext): Promise<string[]> =>
  run.first('docs_before', async () => (await sourcesNow(run)).map(({ id }) => id))

/** What this run read into the index, as it read it last. */
async function docsRead(run: RunContext): Promise<Source[]> {
  const read = new Map<string, Source>()
  for (const { output } of await run.did(['index_api_docs'])) {
    const source = output.source as unknown as Source
    read.set(source.id, source)
  }
  return [...read.values()]
}

/** What rejecting does to it. */
export async function tellDocsRead(run: RunContext): Promise<string> {
  const read = await docsRead(run)
  if (read.length === 0) return ''
  const before = await docsBefore(run)
  return read.every(({ id }) => before.includes(id))
    ? ''
    : ' The documentation it read goes out of the index again.'
}

/** Takes documentation that this run was the first to read out of the index. What was there before stays as it was read anew. */
export async function takeBackDocs(run: RunContext, told: TakenBack): Promise<void> {
  const read = await docsRead(run)
  if (read.length === 0) return
  const before = await docsBefore(run)
  for (const { id, title, indexedAt } of read) {
    const what = `the indexed documentation '${title}'`
    if (before.includes(id)) {
      told.notTakenBack.push({ what, why: 'It was indexed before; what this run read of it anew stays.' })
      continue
    }
    // Looked at once, right before: run again after a crash, what is deleted already would not be seen any more.
    const now = await run.once(
      `docs ${id}`,
      async () => (await sourcesNow(run)).find((one) => one.id === id)?.indexedAt ?? null,
    )
    if (now === null) continue
    if (now === indexedAt)
      await takeBackBy(run, told, { what, tool: 'delete_api_docs', input: { source: id } })
    else told.notTakenBack.push({ what, why: 'It was read again since.' })
  }
}
