import type { Reply } from './protocol.ts'
import { DECIDED_AT_ONCE } from './step-names.ts'

/**
 * Hands answers to the code of one execution one at a time, in an order that is the same when the execution is run
 * again with its record, however long each answer takes then. What is recorded comes in the order of the record. What
 * is not (that a step begins or failed, a secret, a file) comes before everything else, in the order it was asked for:
 * the rest waits for it.
 */
export interface Answers {
  /** A call goes to the server. */
  asked(id: number, name: string): void
  /** A call was answered here. */
  own(id: number, name: string, reply: Reply): void
  /** The server's answer to a call. */
  heard(id: number, reply: Reply): void
  /** The server will answer a call when its turn in the record comes. */
  later(id: number): void
  /** To be handed out now that the code does nothing. Undefined: there is nothing, or what comes first is not there. */
  next(): Answer | undefined
}

export interface Answer {
  id: number
  reply: Reply
  /** Answered here, not by the server. */
  own: boolean
}

export function buildAnswers(): Answers {
  /** In the order they were asked for. */
  let first: { id: number; reply: Reply | undefined; own: boolean }[] = []
  const ends: Answer[] = []
  const rest: Answer[] = []

  return {
    asked(id, name) {
      if (DECIDED_AT_ONCE.test(name)) first.push({ id, reply: undefined, own: false })
    },
    own(id, name, reply) {
      const answer = { id, reply, own: true }
      if (DECIDED_AT_ONCE.test(name)) first.push(answer)
      else ends.push(answer)
    },
    heard(id, reply) {
      const waiting = first.find((one) => one.id === id)
      if (waiting === undefined) rest.push({ id, reply, own: false })
      else waiting.reply = reply
    },
    later(id) {
      first = first.filter((one) => one.id !== id)
    },
    next() {
      const [head] = first
      if (head === undefined) return ends.shift() ?? rest.shift()
      if (head.reply === undefined) return undefined
      first.shift()
      return { ...head, reply: head.reply }
    },
  }
}
