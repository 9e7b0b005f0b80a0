import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import {
  DEFAULT_API_KEY_HEADER,
  DEFAULT_TOLERANCE_SECONDS,
  type Verification,
  type VerificationScheme,
} from './webhook-config.ts'

export interface Delivery {
  headers: Readonly<Record<string, string>>
  /** The bytes as they arrived: a body parsed and written again has another signature. */
  rawBody: Buffer
  nowSeconds: number
}

export type Verdict = { ok: true } | { ok: false; reason: string; where: string; hint: string }

/** How a scheme's HMAC-SHA256 signatures look, and what they cover. */
interface SignatureForm {
  header: string
  encoding: 'hex' | 'base64'
  /** The signatures in the header's value; any one that is right will do (senders list several while a secret rotates). */
  candidates(value: string): string[]
  /** Text around the body that is signed with it; undefined when the body alone is. */
  around?: (timestamp: string, id: string) => [before: string, after: string]
  /** Reads the signed time from its header or from the signature's. */
  timestamp?: { header: string; read(value: string): string | undefined }
  /** A header that is signed too (the delivery id of Standard Webhooks). */
  idHeader?: string
  key(secret: string): Buffer
}

const textKey = (secret: string) => Buffer.from(secret, 'utf8')
const whole = (value: string) => value
const list = (prefix: string, separator: RegExp) => (value: string) =>
  value
    .split(separator)
    .filter((part) => part.startsWith(prefix))
    .map((part) => part.slice(prefix.length))

const STANDARD_SECRET = /^(?:whsec_)?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/

const presets: Partial<Record<VerificationScheme, SignatureForm>> = {
  standard_webhooks: {
    header: 'webhook-signature',
    encoding: 'base64',
    candidates: list('v1,', / +/),
    around: (timestamp, id) => [`${id}.${timestamp}.`, ''],
    timestamp: { header: 'webhook-timestamp', read: whole },
    idHeader: 'webhook-id',
    key: (secret) => Buffer.from(STANDARD_SECRET.exec(secret)?.[1] ?? '', 'base64'),
  },
  github: {
    header: 'x-hub-signature-256',
    encoding: 'hex',
    candidates: list('sha256=', /,\s*/),
    key: textKey,
  },
  stripe: {
    header: 'stripe-signature',
    encoding: 'hex',
    candidates: list('v1=', /,\s*/),
    around: (timestamp) => [`${timestamp}.`, ''],
    // With two times in the header it would be unclear which one was signed.
    timestamp: {
      header: 'stripe-signature',
      read: (value) => {
        const times = list('t=', /,\s*/)(value)
        return times.length === 1 ? times[0] : undefined
      },
    },
    key: textKey,
  },
  shopify: {
    header: 'x-shopify-hmac-sha256',
    encoding: 'base64',
    candidates: list('', /,\s*/),
    key: textKey,
  },
  slack: {
    header: 'x-slack-signature',
    encoding: 'hex',
    candidates: list('v0=', /,\s*/),
    around: (timestamp) => [`v0:${timestamp}:`, ''],
    timestamp: { header: 'x-slack-request-timestamp', read: whole },
    key: textKey,
  },
}

function formOf(verification: Verification): SignatureForm {
  const preset = presets[verification.scheme]
  if (preset !== undefined) return preset
  const [before = '', after = ''] = (verification.signedPayload ?? '{body}').split('{body}')
  const { timestampHeader } = verification
  return {
    header: verification.header ?? '',
    encoding: verification.encoding ?? 'hex',
    candidates: list(verification.prefix ?? '', /[\s,]+/),
    around: (timestamp) => [
      before.replaceAll('{timestamp}', timestamp),
      after.replaceAll('{timestamp}', timestamp),
    ],
    ...(timestampHeader === undefined ? {} : { timestamp: { header: timestampHeader, read: whole } }),
    key: textKey,
  }
}

/**
 * Does this delivery come from who holds the secret? Compares in constant time; with a signed timestamp, a
 * delivery outside the window is refused whatever its signature.
 * @param secret null only for the scheme `none`
 */
export function verifyWebhook(
  verification: Verification,
  secret: string | null,
  delivery: Delivery,
): Verdict {
  if (verification.scheme === 'none') return { ok: true }
  if (secret === null || secret === '')
    return refused(
      'This webhook has no secret to verify with.',
      'secret',
      'Set one with rotate_webhook_secret.',
    )
  return verification.scheme === 'api_key'
    ? verifyKey(verification, secret, delivery)
    : verifySignature(formOf(verification), verification.toleranceSeconds, secret, delivery)
}

function verifyKey(verification: Verification, secret: string, delivery: Delivery): Verdict {
  const name = verification.header ?? DEFAULT_API_KEY_HEADER
  const where = `headers.${name}`
  const hint = `Send this webhook's key in the header ${name}; rotate_webhook_secret makes a new one.`
  const given = headerOf(delivery.headers, name)
  if (given === undefined) return refused(`The header ${name} is missing.`, where, hint)
  // Hashed first: the comparison takes the same time whatever the length.
  const prefix = verification.prefix ?? ''
  return timingSafeEqual(sha256(given), sha256(`${prefix}${secret}`))
    ? { ok: true }
    : refused('The key is not this webhook’s.', where, hint)
}

function verifySignature(
  form: SignatureForm,
  toleranceSeconds: number | undefined,
  secret: string,
  delivery: Delivery,
): Verdict {
  const where = `headers.${form.header}`
  const value = headerOf(delivery.headers, form.header)
  if (value === undefined)
    return refused(
      `The header ${form.header} is missing.`,
      where,
      'Sign deliveries, or choose another scheme with update_trigger.',
    )

  let timestamp = ''
  if (form.timestamp !== undefined) {
    const read = headerOf(delivery.headers, form.timestamp.header)
    timestamp = (read === undefined ? undefined : form.timestamp.read(read)) ?? ''
    const problem = timestampProblem(
      timestamp,
      toleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS,
      delivery.nowSeconds,
    )
    if (problem !== undefined) return { ok: false, where: `headers.${form.timestamp.header}`, ...problem }
  }
  const id = form.idHeader === undefined ? '' : headerOf(delivery.headers, form.idHeader)
  if (id === undefined)
    return refused(
      `The header ${form.idHeader} is missing.`,
      `headers.${form.idHeader}`,
      'It is part of what is signed: send it.',
    )

  const candidates = form.candidates(value).map((text) => decoded(text, form.encoding))
  if (!candidates.some((candidate) => candidate !== undefined))
    return refused(
      `The header ${form.header} holds no signature of the expected form.`,
      where,
      `It must hold an HMAC-SHA256 in ${form.encoding}, with its prefix or version.`,
    )
  const [before, after] = form.around?.(timestamp, id) ?? ['', '']
  const expected = createHmac('sha256', form.key(secret))
    .update(before)
    .update(delivery.rawBody)
    .update(after)
    .digest()
  return candidates.some((candidate) => candidate !== undefined && timingSafeEqual(candidate, expected))
    ? { ok: true }
    : refused(
        'The signature does not fit the body.',
        where,
        'Check that both sides have the same secret and that nothing on the way rewrites the body.',
      )
}

function timestampProblem(
  text: string,
  toleranceSeconds: number,
  nowSeconds: number,
): { reason: string; hint: string } | undefined {
  if (!/^\d{1,15}$/.test(text))
    return { reason: 'The signed time is missing or no Unix time.', hint: 'Send it in seconds since 1970.' }
  // 1e11 s is in the year 5138, 1e11 ms in 1973: what is larger counts milliseconds.
  const seconds = Number(text) > 1e11 ? Number(text) / 1000 : Number(text)
  if (Math.abs(nowSeconds - seconds) <= toleranceSeconds) return undefined
  return {
    reason: `The signed time is more than ${toleranceSeconds} s ${seconds < nowSeconds ? 'old' : 'ahead'}.`,
    hint: 'Send deliveries when they are signed, sign anew when sending again, and check the clocks.',
  }
}

const digestForm = { hex: /^[0-9a-f]{64}$/i, base64: /^[A-Za-z0-9+/]{43}=$/ } as const

/** The 32 bytes of a digest, or undefined when the text is not one: Buffer.from forgives too much. */
const decoded = (text: string, encoding: 'hex' | 'base64'): Buffer | undefined =>
  digestForm[encoding].test(text) ? Buffer.from(text, encoding) : undefined

const sha256 = (text: string) => createHash('sha256').update(text).digest()

const refused = (reason: string, where: string, hint: string): Verdict => ({ ok: false, reason, where, hint })

function headerOf(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  if (Object.hasOwn(headers, name)) return headers[name]
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
}

const MIN_SECRET_LENGTH = 8

/** Why this secret cannot serve the scheme, or undefined when it can. */
export function secretProblem(scheme: VerificationScheme, secret: string): string | undefined {
  if (scheme === 'none') return 'The scheme none uses no secret: leave it out.'
  if (secret.length < MIN_SECRET_LENGTH) return `A secret has at least ${MIN_SECRET_LENGTH} characters.`
  if (scheme === 'standard_webhooks' && !STANDARD_SECRET.test(secret))
    return 'A Standard Webhooks secret is whsec_ followed by base64.'
  if (scheme === 'api_key' && !/^[\x21-\x7e]+$/.test(secret))
    return 'A key that comes in a header is printable ASCII without spaces.'
  return undefined
}

/** A new secret in the form the scheme's senders expect. */
export function newWebhookSecret(scheme: VerificationScheme): string {
  const bytes = randomBytes(32)
  if (scheme === 'standard_webhooks') return `whsec_${bytes.toString('base64')}`
  return scheme === 'api_key' ? `whk_${bytes.toString('base64url')}` : bytes.toString('hex')
}
