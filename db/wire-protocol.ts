/** The little of the Postgres frontend/backend protocol (version 3, documentation chapter 54) the socket must know. */

export type FrameKind = 'startup' | 'ssl' | 'cancel' | 'query' | 'sync' | 'terminate' | 'other'

export interface Frame {
  kind: FrameKind
  bytes: Buffer
}

const PROTOCOL_3 = 196608
const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102

const kinds: Record<string, FrameKind> = { Q: 'query', S: 'sync', X: 'terminate', F: 'query' }

/** Does this frame end a unit: may the server answer and serve somebody else? */
export const isComplete = (kind: FrameKind): boolean =>
  kind === 'query' || kind === 'sync' || kind === 'startup'

/** Cuts what a client sends into frames, keeping what is not whole yet. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)
  #started = false

  read(data: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    const frames: Frame[] = []
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame)
    return frames
  }

  #next(): Frame | undefined {
    // Before the start-up message frames have no type byte.
    const lengthAt = this.#started ? 1 : 0
    if (this.#rest.length < lengthAt + 4) return undefined
    const length = lengthAt + this.#rest.readInt32BE(lengthAt)
    if (this.#rest.length < length || (!this.#started && length < 8)) return undefined
    const bytes = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    if (this.#started) return { kind: kinds[String.fromCharCode(bytes[0] ?? 0)] ?? 'other', bytes }
    const code = bytes.readInt32BE(4)
    if (code === SSL_REQUEST || code === GSS_REQUEST) return { kind: 'ssl', bytes }
    if (code === CANCEL_REQUEST) return { kind: 'cancel', bytes }
    this.#started = code === PROTOCOL_3
    return { kind: 'startup', bytes }
  }
}

/** The NotificationResponse frames in an answer of the server. */
export function notificationFrames(answer: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at + 5 <= answer.length; ) {
    const end = at + 1 + answer.readInt32BE(at + 1)
    if (answer[at] === NOTIFICATION) found.push(answer.subarray(at, end))
    at = end
  }
  return found
}

const NOTIFICATION = 'A'.charCodeAt(0)
