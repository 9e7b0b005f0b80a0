import type { Json, JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { isXml } from './content-type.ts'
import { parseXml } from './parse-xml.ts'
import { readXml } from './read-xml.ts'
import { type Schemas, shapeOf } from './shape.ts'

type Answered = Pick<ActionDefinition, 'outputSchema' | 'responseContentType'>

/** Is this successful answer XML that the action's output schema describes, as an object or a list? */
export function isDescribedXml(
  schemas: Schemas,
  { outputSchema, responseContentType }: Answered,
  { status, headers }: { status: number; headers: Record<string, string> },
): boolean {
  if (status < 200 || status > 299) return false
  if (!isXml(headers['content-type'] ?? '') || !isXml(responseContentType ?? '')) return false
  const { types } = shapeOf(schemas, outputSchema)
  return types.has('object') || types.has('array')
}

/** The answer as the value it stands for; XML that cannot be read stays text, with a warning that says why. */
export function readXmlAnswer(
  schemas: Schemas,
  outputSchema: JsonSchema | undefined,
  text: string,
): { output: Json; warning?: string } {
  const root = parseXml(text)
  return 'problem' in root
    ? { output: text, warning: `The XML of the output is given as text: ${root.problem}.` }
    : { output: readXml(schemas, outputSchema, root) }
}
