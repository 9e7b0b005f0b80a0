/**
 * Messages to the other process, sent together at the end of a turn of the event loop: one message costs both sides as
 * much as many.
 */
export function buildOutbox<T>(send: (messages: T[]) => void): (message: T) => void {
  let waiting: T[] = []
  return (message) => {
    if (waiting.push(message) > 1) return
    setImmediate(() => {
      const messages = waiting
      waiting = []
      send(messages)
    })
  }
}
