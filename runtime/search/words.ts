import { stemmer } from 'stemmer'

const stopWords = new Set(
  `a an the to of for in on and or it its is are was be been i me my mine you your we our us how do does did can could
   what which who whom whose that this these those there here with from by at as into about some any please want need
   would should will have has had so if then than`.split(/\s+/),
)

/**
 * What an operation does, in the words people and APIs use for it. An agent's wording is rarely the API's.
 * Classes are few on purpose: finer ones ("send", "merge") are told by the word itself.
 */
const verbClasses: Record<string, readonly string[]> = {
  create:
    'create add new open make insert register post publish record submit start book store save attach upload assign invite'.split(
      ' ',
    ),
  list: 'list all show see browse enumerate every history many recent'.split(' '),
  get: 'get show see read fetch retrieve view look lookup download check info details find'.split(' '),
  search: 'search find query lookup look filter'.split(' '),
  update: 'update edit change modify set rename replace patch put adjust close respond'.split(' '),
  delete: 'delete remove cancel destroy drop trash revoke unset clear erase unassign detach disconnect'.split(
    ' ',
  ),
}
export type VerbClass = keyof typeof verbClasses

/** Words that mean the same in nearly every API, other than verbs; one line each. */
const synonymLines = `
send post email deliver
post send publish
leave add create
put add set
give add grant
set add create
add create new attach
new create add
open create
create add new
make create
insert create
start create trigger dispatch run
trigger dispatch start run
hand dispatch manual
remove delete
cancel delete void
erase delete
show list get
see list get
read get list history
look get retrieve search
find search lookup list
retrieve get
fetch get
change update edit
edit update
modify update
set update
rename update
close update
react reaction
emoji reaction
repo repository
repositories repository
pr pull
money refund payment transfer payout
fund transfer money payout
log authenticated current
myself current authenticated
back refund
refund credit
take create
pay payment
payment pay
employee team member
staff team member
worker team member
person user assignee
somebody user
someone user
people user member
member user
user member
supplier contact vendor
vendor supplier
client customer contact
appointment booking
book booking
stock inventory
inventory stock
store location
shop location
channel conversation
chat conversation message
thread reply
inside item content
sign signature
signature sign
approve review
access collaborator permission
invite collaboration invitation
collaborate collaboration
share shared
workspace team
code source
release version
bill invoice
save create store
store create save
unassign remove assignee
assign assignee
owe receivable outstanding due
due overdue receivable
free available availability
slot availability
enterprise company organization
company organization enterprise
organisation organization
note comment
kick remove
card payment source
shift timecard
restore trash undelete
discount coupon promotion
`

const stemmed = new Map<string, string>()
const MAX_REMEMBERED_STEMS = 50_000

/** `repositories` → `repositori`: the part words of one family share. */
export function stem(word: string): string {
  const known = stemmed.get(word)
  if (known !== undefined) return known
  if (stemmed.size >= MAX_REMEMBERED_STEMS) stemmed.clear()
  const made = stemmer(word)
  stemmed.set(word, made)
  return made
}

const synonyms = new Map<string, readonly string[]>(
  synonymLines
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(stem))
    .map(([word = '', ...others]) => [word, others.filter((other) => other !== word)]),
)

const classOfStem = new Map<string, Set<VerbClass>>()
for (const [name, words] of Object.entries(verbClasses)) {
  for (const word of words) {
    const classes = classOfStem.get(stem(word)) ?? new Set()
    classOfStem.set(stem(word), classes.add(name))
  }
}

/** Lower-case words of a text: `camelCase`, `snake_case` and `/paths/{of}` come apart. */
export function wordsOf(text: string): string[] {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .normalize('NFKD')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
}

/** Words that are one word elsewhere: "pay out" and "payout", "check out" and "checkout". */
export function compoundsOf(text: string): string[] {
  const words = wordsOf(text)
  return words.slice(1).flatMap((word, index) => {
    const before = words[index] ?? ''
    return before.length > 2 && word.length > 2 ? [stem(before + word)] : []
  })
}

/** Stems of the words that say something. Where none does, of all. */
export function termsOf(text: string): string[] {
  const words = wordsOf(text)
  const telling = words.filter((word) => !stopWords.has(word))
  return (telling.length === 0 ? words : telling).map(stem)
}

/** Stems that mean about the same. */
export const synonymsOf = (term: string): readonly string[] => synonyms.get(term) ?? []

/** The kinds of operation a word may stand for; none for most words. */
export const verbClassesOf = (term: string): ReadonlySet<VerbClass> => classOfStem.get(term) ?? none
const none: ReadonlySet<VerbClass> = new Set()
