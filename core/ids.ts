import { randomBytes } from 'node:crypto'

/** Prefix of every kind of id, so that an id says what it names. */
const idPrefixes = {
  organization: 'org',
  customer: 'cus',
  user: 'usr',
  apiKey: 'key',
  connector: 'con',
  action: 'act',
  connection: 'cxn',
  workflow: 'wf',
  workflowVersion: 'wv',
  deployment: 'dep',
  trigger: 'trg',
  route: 'rt',
  event: 'evt',
  execution: 'exec',
  trace: 'trc',
  deadLetter: 'dlq',
  secret: 'sec',
  audit: 'aud',
  dataKey: 'dk',
  role: 'role',
  connectorVersion: 'cnv',
  oauthApp: 'oap',
  oauthAuthorization: 'oau',
  connectLink: 'cl',
  webhookEndpoint: 'whe',
  webhookDelivery: 'whd',
  file: 'file',
  approval: 'apr',
  signal: 'sig',
  docSource: 'doc',
  docChunk: 'dch',
  agentRun: 'run',
  modelReservation: 'mres',
  modelRequest: 'mreq',
} as const

export type IdKind = keyof typeof idPrefixes

const TIME_DIGITS = 12
const MAX_MS = 16 ** TIME_DIGITS - 1

/**
 * A new id: prefix, then 12 hex digits of the time in milliseconds, then 16 random hex digits.
 * Ids of one kind sort by creation time, which lists use as their cursor.
 */
export function newId(kind: IdKind, now = Date.now()): string {
  return `${firstId(kind, now)}${randomBytes(8).toString('hex')}`
}

/** What ids made at a time or later are not less than, and those made before are. */
export function firstId(kind: IdKind, at: number): string {
  const ms = Math.min(Math.max(0, Math.trunc(at)), MAX_MS)
  return `${idPrefixes[kind]}_${ms.toString(16).padStart(TIME_DIGITS, '0')}`
}
