import { type Turn, turnText } from './turn.ts'

const PIECES = /[a-z]+|[A-Z]+|\d|\s+|[!-~]|[^\x20-\x7e\s]+/g
/** Tokens a byte makes in scripts of many: the tokenizers in use are between a fifth and four fifths. */
const PER_BYTE = 0.75
const LETTERS_PER_TOKEN = 4
const PER_SPACE = 0.1
const MARGIN = 1.1
/** What a server writes around a message, and around the whole. */
const PER_MESSAGE = 16
const PER_PROMPT = 64
/** More than this is no miscount but what a provider puts before prompts; it is left to its answer to say so. */
const MAX_CORRECTION = 8

/**
 * How many tokens a text may be, counted high: by the pieces tokenizers begin with, each as many tokens as it is in a
 * poor vocabulary. English and JSON come out at one and a half times what they are.
 */
export function boundTokens(text: string): number {
  let tokens = 0
  for (const [piece] of text.matchAll(PIECES)) {
    const code = piece.charCodeAt(0)
    if (piece === ' ') tokens += PER_SPACE
    else if (code > 0x7e) tokens += Math.ceil(Buffer.byteLength(piece) * PER_BYTE)
    else if (/[a-z]/i.test(piece)) tokens += Math.ceil(piece.length / LETTERS_PER_TOKEN)
    else tokens += 1
  }
  return Math.ceil(tokens * MARGIN)
}

/** Bounds of prompts, by model: one that turned out larger than its bound raises the bounds of those that follow. */
export interface PromptBounds {
  of(turn: Turn): number
  /** What the server counted for a prompt of this bound. */
  counted(model: string, bound: number, tokens: number): void
}

export function buildPromptBounds(): PromptBounds {
  const corrections = new Map<string, number>()
  const correctionOf = (model: string) => corrections.get(model) ?? 1
  return {
    of: (turn) =>
      Math.ceil(
        (boundTokens(turnText(turn)) + PER_MESSAGE * (turn.messages.length + 1) + PER_PROMPT) *
          correctionOf(turn.model),
      ),
    counted(model, bound, tokens) {
      if (tokens <= bound) return
      const needed = (tokens / bound) * correctionOf(model) * MARGIN
      corrections.set(model, Math.min(needed, MAX_CORRECTION))
    },
  }
}
