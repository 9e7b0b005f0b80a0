import type { z } from 'zod'
import { type AppError, invalidInput } from '../../core/errors.ts'
import {
  ActionDefinition,
  type AuthMethod,
  ConnectorDefinition,
} from '../../runtime/connectors/definition.ts'
import { validateWorkflow } from '../../runtime/sandbox/prepare.ts'

const MAX_PROBLEMS_SHOWN = 20

interface Problem {
  where: string
  message: string
}

/** Names the problems, the first 20 of many. */
function refusal(what: string, problems: readonly Problem[]): AppError {
  const shown = problems.slice(0, MAX_PROBLEMS_SHOWN)
  const more = problems.length - shown.length
  return invalidInput(
    `${what}: ${shown.map(({ where, message }) => `${where}: ${message}`).join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    { where: shown[0]?.where ?? 'definition', hint: 'Correct the named fields.', data: { problems: shown } },
  )
}

const problemsOf = (error: z.ZodError): Problem[] =>
  error.issues.map((issue) => ({
    where: issue.path.map(String).join('.') || 'definition',
    message: issue.message,
  }))

/**
 * A whole connector, checked: its form, and that what it refers to is there.
 * @throws AppError `invalid_input`
 */
export function checkConnector(value: unknown): ConnectorDefinition {
  const parsed = ConnectorDefinition.safeParse(value)
  if (!parsed.success) throw refusal('The definition is not a connector', problemsOf(parsed.error))
  const definition = parsed.data
  const authSlugs = definition.authMethods.map(({ slug }) => slug)
  const actionSlugs = definition.actions.map(({ slug }) => slug)
  const problems: Problem[] = [
    ...authMethodProblems(definition.authMethods),
    ...repeated(authSlugs).map((slug) => ({ where: 'authMethods', message: `'${slug}' is there twice` })),
    ...repeated(actionSlugs).map((slug) => ({ where: 'actions', message: `'${slug}' is there twice` })),
    ...definition.actions.flatMap((action, index) =>
      actionProblems(action, authSlugs).map(({ where, message }) => ({
        where: `actions.${index}.${where}`,
        message,
      })),
    ),
  ]
  const verification = definition.verification?.action
  if (verification !== undefined && !actionSlugs.includes(verification)) {
    problems.push({ where: 'verification.action', message: `there is no action '${verification}'` })
  }
  if (problems.length > 0) throw refusal('The definition does not hold together', problems)
  return definition
}

/**
 * What is wrong with auth methods themselves: the code of custom ones must be a module the sandbox can run.
 */
export const authMethodProblems = (methods: readonly AuthMethod[]): Problem[] =>
  methods.flatMap((method, index) => {
    if (method.code === undefined) return []
    const where = `authMethods.${index}.code`
    if (method.type !== 'custom') return [{ where, message: 'has an effect in custom auth methods only' }]
    return validateWorkflow(method.code).issues.map(({ line, column, message }) => ({
      where,
      message: `line ${line}, column ${column}: ${message}`,
    }))
  })

/** @throws AppError `invalid_input` */
export function checkAuthMethods(methods: readonly AuthMethod[]): void {
  const problems = authMethodProblems(methods)
  if (problems.length > 0) throw refusal('The auth methods cannot be used', problems)
}

/**
 * One action of a connector, checked the same way.
 * @throws AppError `invalid_input`
 */
export function checkAction(value: unknown, authSlugs: readonly string[]): ActionDefinition {
  const parsed = ActionDefinition.safeParse(value)
  if (!parsed.success) throw refusal('This is not an action', problemsOf(parsed.error))
  const problems = actionProblems(parsed.data, authSlugs)
  if (problems.length > 0) throw refusal('The action does not hold together', problems)
  return parsed.data
}

function actionProblems(action: ActionDefinition, authSlugs: readonly string[]): Problem[] {
  const problems: Problem[] = []
  const inPath = new Set([...action.path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name))
  const pathParameters = new Set(
    action.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
  )
  for (const name of inPath) {
    if (name !== undefined && !pathParameters.has(name)) {
      problems.push({
        where: 'parameters',
        message: `the path has {${name}}, but there is no such path parameter`,
      })
    }
  }
  for (const name of pathParameters) {
    if (!inPath.has(name)) {
      problems.push({
        where: 'path',
        message: `there is no {${name}} in it for the path parameter '${name}'`,
      })
    }
  }
  for (const key of repeated(action.parameters.map(({ inputKey }) => inputKey))) {
    problems.push({ where: 'parameters', message: `two take the input key '${key}'` })
  }
  for (const slug of action.auth ?? []) {
    if (!authSlugs.includes(slug)) {
      problems.push({ where: 'auth', message: `the connector has no auth method '${slug}'` })
    }
  }
  const type = action.inputSchema.type
  if (type !== undefined && type !== 'object') {
    problems.push({ where: 'inputSchema.type', message: "must be 'object'" })
  }
  return problems
}

const repeated = (values: readonly string[]): string[] => [
  ...new Set(values.filter((value, index) => values.indexOf(value) !== index)),
]
