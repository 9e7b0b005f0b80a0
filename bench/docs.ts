import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildLogger } from '../core/log.ts'
import { openDatabase } from '../db/database.ts'
import { findDocVectors, prepareDocVectors } from '../db/doc-vectors.ts'
import { createOrganization } from '../runtime/access/bootstrap.ts'
import { importSpec } from '../runtime/connectors/import/index.ts'
import { defaultChunkSizes } from '../runtime/docs-index/chunk.ts'
import { describeConnector } from '../runtime/docs-index/describe-connector.ts'
import { buildDocsIndex, type Retrieval } from '../runtime/docs-index/docs-index.ts'
import type { DocDocument } from '../runtime/docs-index/document.ts'
import { BUILTIN_LENGTH, buildBuiltinEmbedder } from '../runtime/docs-index/embed-builtin.ts'
import { buildEndpointEmbedder } from '../runtime/docs-index/embed-endpoint.ts'
import type { Embedder } from '../runtime/docs-index/embedder.ts'
import { readMarkdown } from '../runtime/docs-index/read-markdown.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const FOLDER = here('../../shared/data/docs')
const SPECS = here('../../shared/data/specs')
const REPOSITORY = here('..')
const RETRIEVALS: readonly Retrieval[] = ['full_text', 'vector', 'fused']
const LOOKED_AT = 20

interface Question {
  id: string
  question: string
  file: string
  heading: string
}

interface Corpus {
  name: string
  documents: DocDocument[]
  questions: Question[]
}

/**
 * How often the passage that answers a question is found first, among the first five, and how near the top, by words,
 * by meaning and by both: on the questions by which the index was tuned (about this repository's own pages, and about
 * published descriptions where they are here), and on others. DOCS_BENCH_SIZES=600,1200 measures several sizes of
 * passages; an endpoint of the environment is measured beside the built-in model: DOCS_BENCH_BASE_URL,
 * DOCS_BENCH_MODEL, DOCS_BENCH_API_KEY.
 */
export async function benchDocs(
  dataDir: string,
  environment: Record<string, string | undefined>,
): Promise<void> {
  const corpora = [await developmentCorpus(), ...othersCorpus()]
  const sizes = environment.DOCS_BENCH_SIZES?.split(',').map(Number) ?? [defaultChunkSizes.maxChars]
  const log = buildLogger('error')
  const db = await openDatabase({
    databaseUrl: undefined,
    dataDir,
    log,
    prepare: (client) => prepareDocVectors(client, [BUILTIN_LENGTH]),
  })
  const vectors = await findDocVectors(db)
  const builtin = buildBuiltinEmbedder()
  const embedders: Embedder[] = [builtin]
  const { DOCS_BENCH_BASE_URL: baseUrl, DOCS_BENCH_MODEL: model } = environment
  if (baseUrl !== undefined && model !== undefined)
    embedders.push(buildEndpointEmbedder({ baseUrl, model, apiKey: environment.DOCS_BENCH_API_KEY }))
  console.log(
    '  questions    embedder                 chunk  passages  index s  retrieval   recall@1  recall@5    MRR   ms',
  )
  try {
    for (const [at, embedder] of embedders.entries()) {
      for (const [corpus, maxChars] of corpora.flatMap((one) => sizes.map((size) => [one, size] as const))) {
        const { name, documents, questions } = corpus
        const { organizationId } = await db.system((tx) =>
          createOrganization(tx, { name: `Docs ${at} ${name} ${maxChars}` }),
        )
        const scope = { organizationId, customerIds: null }
        const tenant = {
          read: <T>(fn: Parameters<typeof db.read<T>>[1]) => db.read(scope, fn),
          transaction: <T>(fn: Parameters<typeof db.tenant<T>>[1]) => db.tenant(scope, fn),
        }
        const { signal } = new AbortController()
        const index = buildDocsIndex({ vectors, embedder, log, sizes: { maxChars } })
        const startedAt = performance.now()
        const source = {
          connectorId: null,
          kind: 'text' as const,
          name: 'corpus',
          title: 'Corpus',
          url: null,
        }
        const { chunks } = await index.index(tenant, organizationId, source, documents, {
          signal,
          patienceMs: Infinity,
        })
        const seconds = (performance.now() - startedAt) / 1000
        for (const retrieval of RETRIEVALS) {
          const ranks: number[] = []
          const began = performance.now()
          for (const question of questions) {
            const { passages } = await index.search(
              tenant,
              { query: question.question, connectorId: null, sourceIds: null, limit: LOOKED_AT, retrieval },
              signal,
            )
            ranks.push(passages.findIndex((passage) => answers(passage, question)))
            if (environment.DOCS_BENCH_VERBOSE !== undefined)
              console.log(
                `    ${question.id} ${ranks.at(-1)} ${passages[0]?.url} ${passages[0]?.breadcrumb.join(' > ')}`,
              )
          }
          const ms = (performance.now() - began) / questions.length
          const share = (top: number) =>
            (ranks.filter((rank) => rank >= 0 && rank < top).length / ranks.length).toFixed(2)
          const mrr = ranks.reduce((sum, rank) => sum + (rank < 0 ? 0 : 1 / (rank + 1)), 0) / ranks.length
          console.log(
            `  ${name.padEnd(12)} ${embedder.id.padEnd(24)} ${String(maxChars).padStart(5)} ${String(chunks).padStart(9)} ${seconds.toFixed(0).padStart(8)}  ${retrieval.padEnd(10)} ${share(1).padStart(9)} ${share(5).padStart(9)} ${mrr.toFixed(2).padStart(6)} ${ms.toFixed(0).padStart(4)}`,
          )
        }
      }
      await embedder.close()
    }
  } finally {
    await db.close()
  }
}

const readPages = (folder: string, files: readonly string[]): DocDocument[] =>
  files.map((file) => readMarkdown(readFileSync(join(folder, file), 'utf8'), { url: file }))

const markdownIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .sort()

/** The pages of this repository, and the descriptions that are here. */
async function developmentCorpus(): Promise<Corpus> {
  const { docs, specs } = JSON.parse(
    readFileSync(new URL('./questions/development.json', import.meta.url), 'utf8'),
  ) as { docs: Question[]; specs: Question[] }
  const pages = markdownIn(join(REPOSITORY, 'docs')).filter((file) => file !== 'reference.md')
  const documents = readPages(REPOSITORY, [
    ...pages.map((file) => `docs/${file}`),
    'README.md',
    'ARCHITECTURE.md',
  ])
  const described = [...new Set(specs.map(({ file }) => file))].filter((file) =>
    existsSync(join(SPECS, file)),
  )
  for (const file of described) {
    const { definition } = await importSpec({ text: readFileSync(join(SPECS, file), 'utf8') })
    documents.push(describeConnector(definition, file))
  }
  const asked = specs.filter(({ file }) => described.includes(file))
  if (asked.length < specs.length)
    console.log(`  left out: ${specs.length - asked.length} questions about descriptions that are not here`)
  return { name: 'development', documents, questions: [...docs, ...asked] }
}

/** Documentation of others, with questions that tuning keeps off. */
function othersCorpus(): Corpus[] {
  if (!existsSync(join(FOLDER, 'questions.json'))) {
    console.log('  skipped: ../shared/data/docs (the corpus and its questions are not here)')
    return []
  }
  const { pairs } = JSON.parse(readFileSync(join(FOLDER, 'questions.json'), 'utf8')) as { pairs: Question[] }
  return [{ name: 'others', documents: readPages(FOLDER, markdownIn(FOLDER)), questions: pairs }]
}

const plain = (heading: string) => heading.replaceAll('`', '').trim()

/** Is the passage of the section, or of one below it, that holds the answer? */
const answers = (passage: { url: string | null; breadcrumb: string[] }, { file, heading }: Question) =>
  passage.url?.replace(/#.*$/, '') === file && passage.breadcrumb.map(plain).includes(plain(heading))
