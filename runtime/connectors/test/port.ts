import type { Json, JsonObject } from '../../../core/json.ts'

/** What became of one call; a refusal is a finding of the test, not an error of it. */
export type Called =
  | { ok: true; output: Json; status: number; warnings: string[]; trace: string; durationMs: number }
  | {
      ok: false
      /** Null: nothing came back, or nothing was sent. */
      status: number | null
      message: string
      /** Was the input not taken, so that nothing was sent? */
      refusedInput: boolean
      /** May the app have done what was asked although no answer came? */
      unknown: boolean
      trace: string | null
    }

/** How the tester reaches the connector under test. */
export interface TestPort {
  call(action: string, input: JsonObject, signal: AbortSignal): Promise<Called>
  /** Reads on over pages; null: they lead on as they should. */
  readPages(action: string, input: JsonObject, signal: AbortSignal): Promise<string | null>
}

export interface TestBounds {
  /** Calls in all, those of cleaning up not counted. */
  maxCalls: number
  /** No call is begun after this; cleaning up comes on top. */
  maxMs: number
  /** At least so long from the beginning of one call to that of the next. */
  gapMs: number
}
