import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import type { Random } from '../random.ts'
import { mutateBaseUrl, mutateMethod, mutatePath } from './address.ts'
import { mutatePagination, mutateResponse } from './answers.ts'
import { mutateAuth } from './auth.ts'
import { mutateContentType, mutateNesting } from './bodies.ts'
import { mutateEncoding } from './encoding.ts'
import type { Mutation, MutationClass, Mutator } from './mutation.ts'
import {
  mutateEnum,
  mutateMissing,
  mutateName,
  mutatePlace,
  mutateRequired,
  mutateType,
} from './parameters.ts'

const mutators: Record<MutationClass, Mutator> = {
  path: mutatePath,
  method: mutateMethod,
  base_url: mutateBaseUrl,
  parameter_name: mutateName,
  parameter_place: mutatePlace,
  parameter_type: mutateType,
  required: mutateRequired,
  missing_parameter: mutateMissing,
  enum: mutateEnum,
  auth_place: mutateAuth,
  content_type: mutateContentType,
  body_nesting: mutateNesting,
  pagination: mutatePagination,
  response_schema: mutateResponse,
  encoding: mutateEncoding,
}

/**
 * Breaks one action of a correct connector in one way. Pure: the same series of chance gives the same mutation, and
 * the definition is not changed. Whether it really breaks something is for an environment to say.
 */
export function mutate(
  definition: ConnectorDefinition,
  slug: string,
  kind: MutationClass,
  random: Random,
): Mutation | undefined {
  const action = definition.actions.find((one) => one.slug === slug)
  if (action === undefined) return undefined
  const made = mutators[kind]({ definition, action }, random)
  return made === undefined ? undefined : { class: kind, action: slug, ...made }
}
