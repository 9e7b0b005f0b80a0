import MiniSearch, { type SearchResult } from 'minisearch'
import { compoundsOf, stem, synonymsOf, termsOf, type VerbClass, verbClassesOf, wordsOf } from './words.ts'

/** What is known of an action when looking for it. */
export interface ActionDocument {
  id: string
  connectorId: string
  /** Slug and name of the connector: "stripe", "Stripe API". */
  app: string
  slug: string
  name: string
  description: string
  method: string
  path: string
  effect: 'read' | 'write' | 'destructive'
  tags: readonly string[]
  /** Keys of its input. */
  inputKeys: readonly string[]
  /** Those it must have. */
  required: readonly string[]
  deprecated: boolean
}

export interface ActionHit {
  id: string
  score: number
}

export interface ActionIndex {
  add(documents: readonly ActionDocument[]): void
  remove(ids: readonly string[]): void
  /** Best first. `allowed` says which documents count; the others are as if they were not there. */
  search(query: string, allowed: (document: ActionDocument) => boolean): ActionHit[]
  readonly size: number
}

/** Where a word stands counts: what an operation is called and works on says more than what is written about it. */
const BOOST = { slug: 3, name: 2.5, resource: 2.5, description: 1, app: 1.5, tags: 0.8, keys: 0.3 }
const SYNONYM_WEIGHT = 0.45
/** Candidates whose order is settled by how much of the query they cover. */
const BESIDE_PENALTY = 0.12
const RERANKED = 150

interface Indexed {
  document: ActionDocument
  verbs: ReadonlySet<VerbClass>
  /** Stems of the things it works on. */
  nouns: ReadonlySet<string>
  appTerms: ReadonlySet<string>
  last: string
}

/** BM25 over stemmed words of several fields, with synonyms, then ordered anew by coverage and kind of operation. */
export function buildActionIndex(): ActionIndex {
  const indexed = new Map<string, Indexed>()
  /** In how many operations' names and paths a term stands: rare ones say more. */
  const frequency = new Map<string, number>()
  const count = ({ nouns }: Indexed, change: 1 | -1) => {
    for (const term of nouns) frequency.set(term, (frequency.get(term) ?? 0) + change)
  }
  const weightOf = (term: string) => Math.log(1 + indexed.size / (1 + (frequency.get(term) ?? 0)))
  const index = new MiniSearch<Record<string, unknown>>({
    idField: 'id',
    fields: Object.keys(BOOST),
    // Texts come apart into words the same way everywhere, so the index is given terms that are ready.
    tokenize: (text) => text.split(' '),
    processTerm: (term) => (term === '' ? null : term),
    autoVacuum: true,
  })

  /** Where no word is found, not even a part at its beginning: the letters as they are, in slugs and names. */
  const containing = (query: string, allowed: (document: ActionDocument) => boolean): ActionHit[] => {
    const letters = query.trim().toLowerCase()
    return [...indexed.values()]
      .filter(
        ({ document }) =>
          allowed(document) && `${document.slug}\n${document.name.toLowerCase()}`.includes(letters),
      )
      .map(({ document }) => ({ id: document.id, score: 0 }))
  }

  return {
    add: (documents) => {
      for (const document of documents) {
        const entry = analyse(document)
        indexed.set(document.id, entry)
        count(entry, 1)
        index.add(fieldsOf(document))
      }
    },
    remove: (ids) => {
      for (const id of ids) {
        const entry = indexed.get(id)
        if (entry === undefined) continue
        count(entry, -1)
        indexed.delete(id)
        index.discard(id)
      }
    },
    search: (query, allowed) => {
      const asked = [...new Set(termsOf(query))]
      if (asked.length === 0) return []
      const expansion = new Map<string, Set<string>>()
      for (const term of asked) {
        for (const synonym of synonymsOf(term)) {
          if (asked.includes(synonym)) continue
          expansion.set(synonym, (expansion.get(synonym) ?? new Set()).add(term))
        }
      }
      for (const compound of compoundsOf(query)) {
        if (!asked.includes(compound))
          expansion.set(compound, new Set(asked.filter((term) => compound.startsWith(term))))
      }
      const exact = new Set(asked)
      const wording = { mood: moodOf(query), plurals: pluralsOf(query) }
      const results = index.search([...asked, ...expansion.keys()].join(' '), {
        boost: BOOST,
        boostTerm: (term) => (exact.has(term) ? 1 : SYNONYM_WEIGHT),
        prefix: (term) => exact.has(term) && term.length > 3,
        fuzzy: (term) => (exact.has(term) && term.length > 4 ? 0.2 : false),
        weights: { prefix: 0.4, fuzzy: 0.25 },
        filter: ({ id }) => {
          const entry = indexed.get(id as string)
          return entry !== undefined && allowed(entry.document)
        },
      })
      if (results.length === 0) return containing(query, allowed)
      const head = results.slice(0, RERANKED).flatMap((result) => {
        const entry = indexed.get(result.id as string)
        return entry === undefined
          ? []
          : [{ id: entry.document.id, score: rescore(result, entry, asked, expansion, weightOf, wording) }]
      })
      head.sort((a, b) => b.score - a.score)
      return [
        ...head,
        ...results.slice(RERANKED).map(({ id, score }) => ({ id: id as string, score: score / 1e3 })),
      ]
    },
    get size() {
      return indexed.size
    },
  }
}

function fieldsOf(document: ActionDocument): Record<string, unknown> {
  const text = (value: string) => termsOf(value).join(' ')
  return {
    id: document.id,
    slug: text(document.slug),
    name: text(document.name),
    description: text(document.description.slice(0, 400)),
    resource: resourcesOf(document.path).flatMap(termsOf).join(' '),
    app: text(document.app),
    tags: text(document.tags.join(' ')),
    keys: text(document.inputKeys.slice(0, 60).join(' ')),
  }
}

/** `/repos/{owner}/{repo}/issues` → `repos`, `issues`. */
const resourcesOf = (path: string): string[] =>
  path.split('/').filter((segment) => segment !== '' && !segment.startsWith('{') && !/^v\d+$/.test(segment))

function analyse(document: ActionDocument): Indexed {
  const resources = resourcesOf(document.path)
  const slugTerms = withoutMethod(termsOf(document.slug))
  const last = termsOf(resources.at(-1) ?? '').at(-1) ?? ''
  return {
    document,
    verbs: verbsOf(document, slugTerms),
    nouns: new Set([...resources.flatMap(termsOf), ...slugTerms]),
    appTerms: new Set(termsOf(document.app)),
    last,
  }
}

/** APIs without names of their own get slugs that begin with the method: `post_folders`. */
const withoutMethod = (terms: readonly string[]): readonly string[] =>
  ['post', 'put', 'patch'].includes(terms[0] ?? '') ? terms.slice(1) : terms

/** By its name where that says so, else by its method. */
function verbsOf(
  { method, path, effect }: ActionDocument,
  slugTerms: readonly string[],
): ReadonlySet<VerbClass> {
  const verbs = new Set<VerbClass>()
  for (const term of slugTerms) for (const verb of verbClassesOf(term)) verbs.add(verb)
  const endsInItem = path.endsWith('}')
  if (method === 'GET' || (verbs.size === 0 && effect === 'read')) {
    verbs.add(endsInItem ? 'get' : 'list')
    if (!endsInItem) verbs.add('get')
    for (const writing of ['create', 'update', 'delete']) verbs.delete(writing)
  }
  if (method === 'DELETE') verbs.add('delete')
  if (method === 'PATCH') verbs.add('update')
  if (method === 'PUT') verbs.add(endsInItem ? 'update' : 'create')
  if (method === 'POST' && effect !== 'read' && !verbs.has('delete'))
    verbs.add(endsInItem ? 'update' : 'create')
  return verbs
}

function rescore(
  result: SearchResult,
  entry: Indexed,
  asked: readonly string[],
  expansion: ReadonlyMap<string, ReadonlySet<string>>,
  weightOf: (term: string) => number,
  { mood, plurals }: Wording,
): number {
  const matched = new Map<string, number>()
  for (const [term, fields] of Object.entries(result.match)) {
    const where = fields.some(
      (field) => field === 'slug' || field === 'name' || field === 'resource' || field === 'app',
    )
      ? 1
      : 0.75
    for (const source of asked) {
      const exact = term === source ? 1 : term.startsWith(source) ? 0.8 : 0
      const similar = expansion.get(term)?.has(source) ? 0.7 : 0
      const credit = Math.max(exact, similar) * where
      if (credit > (matched.get(source) ?? 0)) matched.set(source, credit)
    }
  }
  let covered = 0
  let total = 0
  const wantedVerbs = new Set<VerbClass>()
  for (const term of asked) {
    const verbs = verbClassesOf(term)
    for (const verb of verbs) wantedVerbs.add(verb)
    const weight = weightOf(term) * (verbs.size > 0 ? 0.5 : 1)
    total += weight
    covered += weight * Math.min(1, matched.get(term) ?? (intersects(verbs, entry.verbs) ? 0.8 : 0))
  }
  let score = result.score * (0.25 + (covered / total) ** 2)
  if (wantedVerbs.size > 0) score *= intersects(wantedVerbs, entry.verbs) ? 1.35 : 0.65
  // What the path ends in is what the operation works on.
  if (asked.includes(entry.last)) score *= 1.35
  // Who speaks of many wants the list, not one of them.
  if (entry.document.path.endsWith('}') && plurals.has(entry.last)) score *= 0.8
  // Naming the app is meant.
  if (asked.some((term) => entry.appTerms.has(term))) score *= 3
  // The plainer operation is the likelier one.
  if (mood !== null) score *= (mood === 'ask') === (entry.document.effect === 'read') ? 1.2 : 0.75
  let beside = 0
  for (const noun of entry.nouns) {
    if (!asked.includes(noun) && !expansion.has(noun) && verbClassesOf(noun).size === 0) beside += 1
  }
  score /= 1 + BESIDE_PENALTY * beside
  if (entry.document.deprecated) score *= 0.6
  return score
}

type Mood = 'ask' | 'tell' | null

interface Wording {
  mood: Mood
  /** Stems of the words that are plurals. */
  plurals: ReadonlySet<string>
}

const pluralsOf = (query: string): ReadonlySet<string> =>
  new Set(
    wordsOf(query)
      .filter((word) => word.length > 3 && /[^s]s$/.test(word))
      .map(stem),
  )

/** "Which branches …" wants to know; "fork a repository", a verb no class knows, wants something done. */
function moodOf(query: string): Mood {
  const words = wordsOf(query)
  const [first = '', second = ''] = words
  if (QUESTION.has(first)) return 'ask'
  const verbs = verbClassesOf(stem(first))
  if (verbs.size > 0) return READING.some((verb) => verbs.has(verb)) ? 'ask' : 'tell'
  return ARTICLES.has(second) ? 'tell' : null
}
const QUESTION = new Set('which what who whose how where when is are does do'.split(' '))
const ARTICLES = new Set('a an the my this that some all'.split(' '))
const READING: readonly VerbClass[] = ['list', 'get', 'search']

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const value of a) if (b.has(value)) return true
  return false
}
