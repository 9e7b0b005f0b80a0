import type { ActionDefinition } from '../../runtime/connectors/action-definition.ts'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import type { Random } from '../random.ts'

/** The ways APIs break what was built for them. */
export const mutationClasses = [
  'path',
  'method',
  'base_url',
  'parameter_name',
  'parameter_place',
  'parameter_type',
  'required',
  'missing_parameter',
  'enum',
  'auth_place',
  'content_type',
  'body_nesting',
  'pagination',
  'response_schema',
  'encoding',
] as const
export type MutationClass = (typeof mutationClasses)[number]

/** A correct action, made wrong in one way. */
export interface Mutation {
  class: MutationClass
  /** The way within the class. */
  variant: string
  action: string
  /** JSON pointer to what changed, in the action or, with `connector`, in what all actions share. */
  where: string
  before: unknown
  after: unknown
  /** The broken action; absent when only the connector is broken. */
  broken?: ActionDefinition
  /** Broken parts of the connector. */
  connector?: Partial<Pick<ConnectorDefinition, 'baseUrl' | 'authMethods'>>
}

export interface Target {
  definition: ConnectorDefinition
  action: ActionDefinition
}

/** Makes a mutation of one class; undefined where the action has nothing that could break so. */
export type Mutator = (target: Target, random: Random) => Omit<Mutation, 'class' | 'action'> | undefined

type Schema = Record<string, unknown>
export const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The properties of an action's input. */
export const propertiesOf = ({ inputSchema }: ActionDefinition): Record<string, unknown> =>
  isSchema(inputSchema.properties) ? inputSchema.properties : {}

export const requiredOf = ({ inputSchema }: ActionDefinition): string[] =>
  Array.isArray(inputSchema.required) ? inputSchema.required.map(String) : []

/** Keys of the input that are properties of the body. */
export function bodyKeys(action: ActionDefinition): string[] {
  if (action.body?.mode !== 'merge') return []
  const elsewhere = new Set(action.parameters.map(({ inputKey }) => inputKey))
  return Object.keys(propertiesOf(action)).filter((key) => !elsewhere.has(key))
}

/** A schema with what it refers to in its place, one step deep. */
export function resolved({ definition }: Target, schema: unknown): Schema {
  let found = schema
  for (let step = 0; step < 5 && isSchema(found); step += 1) {
    const { $ref } = found
    if (typeof $ref !== 'string') return found
    found = definition.schemas[$ref.replace('#/schemas/', '')]
  }
  return isSchema(found) ? found : {}
}

export const withInput = (
  action: ActionDefinition,
  properties: Record<string, unknown>,
  required: readonly string[] = requiredOf(action),
): ActionDefinition => ({
  ...action,
  inputSchema: {
    ...action.inputSchema,
    properties,
    required: required.filter((key) => Object.hasOwn(properties, key)),
  },
})

export const without = <T>(record: Record<string, T>, key: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== key))

/** The same record in its order, one key called otherwise. */
export const renamed = <T>(record: Record<string, T>, from: string, to: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name === from ? to : name, value]))
