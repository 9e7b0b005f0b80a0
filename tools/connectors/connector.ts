import { z } from 'zod'
import { conflict, notFound } from '../../core/errors.ts'
import { beginVersion, isVersionKept } from '../../db/connector-versions.ts'
import { type ConnectorRow, findConnector, lockConnector } from '../../db/connectors.ts'
import { brokenUnique, type Tx } from '../../db/database.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import {
  AuthMethod,
  ConnectorDefinition,
  credentialFields,
  ServerVariable,
} from '../../runtime/connectors/definition.ts'
import { Timestamp } from '../params.ts'

export const ConnectorSlug = z
  .string()
  .regex(/^[a-z][a-zA-Z0-9]*$/, 'must be camelCase: letters and digits, starting with a lower-case letter')
  .max(64)

/** A connector as lists show it. */
export const ConnectorSummary = z.object({
  id: z.string().describe('con_…'),
  slug: z.string().describe('What other tools take as `connector`; workflows call ctx.connectors.<slug>.'),
  name: z.string(),
  description: z.string(),
  visibility: z.enum(['private', 'public']),
  actionCount: z.number().int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toConnectorSummary = (row: ConnectorRow) => ({
  id: row.id,
  slug: row.slug,
  name: row.name,
  description: row.description,
  visibility: row.visibility,
  actionCount: row.action_count,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

const ConnectableAuthMethod = AuthMethod.extend({
  credentialFields: z
    .array(
      z.object({
        name: z.string().describe('Key in the `credentials` of create_connection.'),
        label: z.string(),
        secret: z.boolean(),
        optional: z.boolean(),
      }),
    )
    .describe('What create_connection needs for it.'),
})

/** A connector with all but its actions and schemas. */
export const Connector = ConnectorSummary.extend({
  domain: z.string().optional(),
  iconUrl: z.string().optional(),
  baseUrl: z.string().describe('Action paths are appended to it.'),
  variables: z.record(z.string(), ServerVariable).optional().describe('Variables of baseUrl.'),
  authMethods: z.array(ConnectableAuthMethod),
  verification: z
    .object({ action: z.string(), input: z.record(z.string(), z.unknown()) })
    .nullable()
    .describe('The call that proves credentials work; null: there is none.'),
  errors: ConnectorDefinition.shape.errors,
  expiry: ConnectorDefinition.shape.expiry,
  rateLimit: ConnectorDefinition.shape.rateLimit,
  callRate: ConnectorDefinition.shape.callRate,
  concurrency: ConnectorDefinition.shape.concurrency,
  eventCount: z.number().int(),
  revision: z.number().int().describe('Counts the changes of the connector and its actions.'),
  version: z.number().int().describe('Its version now; list_connector_versions shows the ones before.'),
})

export function toConnector(row: ConnectorRow): z.input<typeof Connector> {
  const head = headOf(row)
  return {
    ...toConnectorSummary(row),
    ...(head.domain === undefined ? {} : { domain: head.domain }),
    ...(head.iconUrl === undefined ? {} : { iconUrl: head.iconUrl }),
    baseUrl: head.baseUrl,
    ...(head.variables === undefined ? {} : { variables: head.variables }),
    authMethods: head.authMethods.map((method) => ({
      ...method,
      credentialFields: credentialFields(method).map((field) => ({
        ...field,
        optional: field.optional ?? false,
      })),
    })),
    verification: head.verification ?? null,
    ...(head.errors === undefined ? {} : { errors: head.errors }),
    ...(head.expiry === undefined ? {} : { expiry: head.expiry }),
    ...(head.rateLimit === undefined ? {} : { rateLimit: head.rateLimit }),
    ...(head.callRate === undefined ? {} : { callRate: head.callRate }),
    ...(head.concurrency === undefined ? {} : { concurrency: head.concurrency }),
    eventCount: head.events.length,
    revision: row.revision,
    version: row.version,
  }
}

export const noConnector = (ref: string) =>
  notFound('connector', ref, 'list_connectors shows the ones there are; import_spec makes one.')

/** @throws AppError `not_found` */
export async function requireConnector(tx: Tx, ref: string): Promise<ConnectorRow> {
  const row = await findConnector(tx, ref)
  if (row === undefined) throw noConnector(ref)
  return row
}

/** The same, for a change of it or its actions: changes of one connector wait for one another. */
export async function requireConnectorForChange(tx: Tx, ref: string): Promise<ConnectorRow> {
  const row = await lockConnector(tx, ref)
  if (row === undefined) throw noConnector(ref)
  // What is kept as a version never changes: a change begins the next one.
  if (await isVersionKept(tx, row.id, row.version)) await beginVersion(tx, row.id)
  return row
}

/** Input of tools that take something away or bring it back: what others changed meanwhile is not lost by it. */
export const IfRevision = z
  .int()
  .optional()
  .describe('Only while the connector has this revision (get_connector shows it); left out: whatever it has.')

/** @throws AppError `conflict` when the connector was changed since it had that revision */
export function requireRevision({ slug, revision }: ConnectorRow, wanted: number | undefined): void {
  if (wanted === undefined || revision === wanted) return
  throw conflict(`'${slug}' was changed since: its revision is ${revision}, not ${wanted}.`, {
    where: 'ifRevision',
    hint: 'get_connector shows it as it is; leave ifRevision out to go on all the same.',
    data: { revision },
  })
}

/** What a slug that is taken means to the caller; other errors pass. */
export function asSlugConflict(error: unknown, slug: string, hint: string): unknown {
  if (brokenUnique(error) === undefined) return error
  return conflict(`A connector with the slug '${slug}' exists already.`, { where: 'slug', hint })
}
