import type { WireProblem } from './check-wire.ts'
import { excuseOf } from './excused.ts'

/** Complaints about requests of Postman collections that are right. */
const EXCUSES: { collection: RegExp; problem: RegExp; request?: RegExp; reason: string }[] = [
  {
    collection: /intercom/,
    problem: /^saved headers: .*not-sent-by-postman/,
    reason:
      "the collection's bearer auth names its token as Postman does not know it, so that Postman sends none; ours does",
  },
  {
    collection: /rich/,
    problem: /^: Supported content types: text\/plain$/,
    reason:
      "Prism's reader does not see the language a raw body is marked with, by which Postman sets the content type",
  },
  {
    collection: /rich/,
    problem: /^: No supported content types/,
    request: /"query":/,
    reason: "Prism's reader knows no GraphQL bodies",
  },
  {
    collection: /rich/,
    problem: /^(query|body)\.\S+: .* must be string$/,
    reason: "Prism's reader takes each field for one text, also what is a list, or JSON in a part",
  },
]

/** Why a complaint is none of ours, or undefined; of descriptions of every format. */
export function excuseFor(specification: string, problem: WireProblem): string | undefined {
  if (!specification.startsWith('postman/')) return excuseOf(specification, problem)
  const text = `${problem.where}: ${problem.message}`
  return EXCUSES.find(
    (excuse) =>
      excuse.collection.test(specification) &&
      excuse.problem.test(text) &&
      (excuse.request?.test(problem.request) ?? true),
  )?.reason
}
