import type { JsonObject } from '../core/json.ts'

/** Calls a tool as the run's actor; RunContext.call of the graphs' frame is one. */
export type ToolCall = (tool: string, input: JsonObject) => Promise<JsonObject>
