/** Something a person knows, and tells when asked. */
export interface Fact {
  name: string
  /** Words that a question about it has. */
  about: RegExp
  /** What the person says of it. */
  told: string
  /** The wish says it already: whoever asks has not listened. */
  said: boolean
}

/** A question as people are asked: the rest is read where the question itself does not say what it is about. */
export interface Question {
  question: string
  why?: string
  options?: readonly string[]
}

export interface Asked {
  question: string
  answer: string
  /** Names of the facts it was about. */
  facts: string[]
  /** Its answer told something that was not known. */
  needed: boolean
}

/** Plays a person who has a wish, answers what is asked, and volunteers nothing. */
export interface Person {
  ask(questions: readonly Question[]): string[]
  /** Everything that was asked so far. */
  asked(): readonly Asked[]
  forget(): void
}

/** A person does not tell everything at once, however widely the question is put. */
const MAX_TOLD = 2
const INDIFFERENT = 'I do not mind; decide that yourself.'

/** @param facts in the order in which they are told */
export function playPerson(facts: readonly Fact[]): Person {
  let asked: Asked[] = []
  const known = new Set<string>()
  const answerOf = (question: Question): Asked => {
    const found = factsIn(question, facts)
    const needed = found.some(({ name, said }) => !said && !known.has(name))
    for (const { name } of found) known.add(name)
    return {
      question: question.question,
      answer:
        found.length === 0
          ? INDIFFERENT
          : found.map(({ told, said }) => (said ? `As I said: ${told}` : told)).join(' '),
      facts: found.map(({ name }) => name),
      needed,
    }
  }
  return {
    ask(questions) {
      const answers = questions.map(answerOf)
      asked.push(...answers)
      return answers.map(({ answer }) => answer)
    },
    asked: () => asked,
    forget() {
      asked = []
      known.clear()
    },
  }
}

/** What a question is about: what was not said yet comes first. */
function factsIn({ question, why = '', options = [] }: Question, facts: readonly Fact[]): Fact[] {
  for (const text of [question, `${why} ${options.join(' ')}`]) {
    const found = facts.filter(({ about }) => about.test(text))
    if (found.length > 0) return found.toSorted((a, b) => Number(a.said) - Number(b.said)).slice(0, MAX_TOLD)
  }
  return []
}
