import { type PlayedModel, startPlayedModel } from '../../../models/played-model.ts'
import type { ChatRequest } from '../../../models/requests.ts'
import type { ScriptTurn } from '../../../models/script.ts'
import { ALL_PASSAGES, BASE_URL, FIRST_EXECUTION, type Turns } from './job.ts'

/** What a model is about to answer. */
export interface Answering {
  /** Name of the structured answer that is asked for; `chat` in a conversation. */
  kind: string
  /** As it would be, had nobody written an order: the answer's value, or the calls of tools. */
  json: unknown
  calls: NonNullable<ScriptTurn['toolCalls']>
  /** Everything the request says. */
  text: string
}

/** What is answered by the order; undefined: it is not about this answer. */
export type Obey = (answering: Answering) => Partial<Pick<Answering, 'json' | 'calls'>> | undefined

/** The order in a text, for whoever obeys: `[[order 3]]`. Digits alone come through any cleaning and escaping. */
export const orderTag = (number: number): string => `[[order ${number}]]`
const ORDER = /\[\[order (\d+)\]\]/g

const PASSAGE = /<data source=\\?"(\w+_[0-9a-f]{28}) /g
const ADDRESS = /Base URL: (\S+)/
const EXECUTION = /\bexec?_[0-9a-f]{28}\b/

/**
 * A model behind the OpenAI protocol that does its jobs, and besides obeys every order it reads anywhere in a request,
 * once in answers of each kind: the orders stand in what others wrote, and what they mean is known to it by their number.
 * @param orders undefined: it obeys none
 */
export const startJobModel = (
  turns: Turns,
  orders?: (number: number) => Obey | undefined,
): Promise<PlayedModel> => {
  const obeyed = new Set<string>()
  return startPlayedModel({ turns }, 0, (turn, request) => {
    const text = textOf(request)
    const own = filled(turn, text)
    if (orders === undefined) return own
    const kind = request.response_format?.json_schema?.name ?? 'chat'
    let answer = own
    for (const number of new Set([...text.matchAll(ORDER)].map(([, digits]) => Number(digits)))) {
      if (obeyed.has(`${kind} ${number}`)) continue
      const { json, toolCalls: calls = [] } = answer
      const changed = orders(number)?.({ kind, json, calls, text })
      if (changed === undefined) continue
      obeyed.add(`${kind} ${number}`)
      const { text: _said, ...rest } = answer
      answer = changed.calls === undefined ? { ...rest, ...changed } : { ...rest, toolCalls: changed.calls }
      // Patches take turns: each is tried by itself.
      if (kind === 'action_patch') break
    }
    return answer
  })
}

const textOf = ({ messages = [] }: ChatRequest): string =>
  messages.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content))).join('\n')

/** What the script cannot know: ids that the request shows. */
function filled(turn: ScriptTurn, text: string): ScriptTurn {
  const passages = [...text.matchAll(PASSAGE)].map(([, id]) => id)
  const put = JSON.stringify({ json: turn.json, toolCalls: turn.toolCalls })
    .replaceAll(JSON.stringify(ALL_PASSAGES), passages.map((id) => JSON.stringify(id)).join(','))
    .replaceAll(BASE_URL, ADDRESS.exec(text)?.[1] ?? BASE_URL)
    .replaceAll(FIRST_EXECUTION, EXECUTION.exec(text)?.[0] ?? FIRST_EXECUTION)
  return { ...turn, ...(JSON.parse(put) as Pick<ScriptTurn, 'json' | 'toolCalls'>) }
}
