/** The MCP client's own model (`sampling/createMessage`), as the door that speaks to the client supplies it. */
export interface SamplingPort {
  /**
   * Asks the client's model once.
   * @throws AppError `unavailable` when the client is gone or its person refuses, `timeout` when it does not answer
   */
  createMessage(request: SamplingRequest, signal: AbortSignal): Promise<SamplingAnswer>
}

export interface SamplingRequest {
  system: string
  messages: { role: 'user' | 'assistant'; text: string }[]
  /** Most tokens of the answer. */
  maxTokens: number
  /** What matters in the choice of a model, 0 to 1 (`modelPreferences`). */
  preferences: { intelligence: number; speed: number }
}

export interface SamplingAnswer {
  text: string
  /** The model the client chose, as it names it. */
  model: string
}
