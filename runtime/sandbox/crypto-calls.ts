import { webcrypto } from 'node:crypto'
import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'

const HASHES = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'] as const
const ALGORITHMS = ['HMAC', 'RSASSA-PKCS1-v1_5', 'RSA-PSS', 'ECDSA', 'Ed25519'] as const
/** A request body, not a data set: the work holds a thread of the host's pool meanwhile. */
const MAX_BYTES = 8 * 1024 * 1024
const MAX_KEY_BYTES = 16 * 1024

const Base64 = z
  .string()
  .max(Math.ceil((MAX_BYTES * 4) / 3) + 4, `holds more than ${MAX_BYTES} bytes`)
  .transform((text) => Uint8Array.from(Buffer.from(text, 'base64')))
const Hash = z.enum(HASHES)
const Digest = z.tuple([z.object({ name: Hash }), Base64])
const KeyAlgorithm = z.object({
  name: z.enum(ALGORITHMS),
  hash: Hash.optional(),
  namedCurve: z.enum(['P-256', 'P-384', 'P-521']).optional(),
})
const KeyData = z.union([
  z.string().max(MAX_KEY_BYTES),
  z
    .record(z.string(), z.unknown())
    .refine((jwk) => JSON.stringify(jwk).length <= MAX_KEY_BYTES, 'is too long'),
])
const Format = z.enum(['raw', 'pkcs8', 'spki', 'jwk'])
const Material = z.tuple([Format, KeyData, KeyAlgorithm])
const UseAlgorithm = z.object({
  name: z.enum(ALGORITHMS),
  hash: Hash.optional(),
  saltLength: z.number().int().min(0).max(512).optional(),
})
const Usages = z.array(z.enum(['sign', 'verify'])).min(1)

/**
 * The host's part of `crypto.subtle` in the sandbox, by name: `crypto.digest`, `crypto.importKey`,
 * `crypto.sign`, `crypto.verify`; bytes travel as Base64. Only what is made for signatures is there.
 *
 * @throws AppError `invalid_input` for what Web Cryptography does not know, or this does not offer
 */
export async function cryptoCall(name: string, args: Json[]): Promise<Json> {
  switch (name) {
    case 'crypto.digest': {
      const [{ name: hash }, data] = read(Digest, args, 'crypto.subtle.digest')
      return toBase64(await webcrypto.subtle.digest(hash, data))
    }
    case 'crypto.importKey': {
      const [format, data, algorithm, usages] = read(
        z.tuple([Format, KeyData, KeyAlgorithm, Usages]),
        args,
        'crypto.subtle.importKey',
      )
      await importKey([format, data, algorithm], usages)
      return null
    }
    case 'crypto.sign': {
      const [algorithm, material, data] = read(
        z.tuple([UseAlgorithm, Material, Base64]),
        args,
        'crypto.subtle.sign',
      )
      const key = await importKey(material, ['sign'])
      return toBase64(await attempt('sign', () => webcrypto.subtle.sign(use(algorithm), key, data)))
    }
    case 'crypto.verify': {
      const [algorithm, material, signature, data] = read(
        z.tuple([UseAlgorithm, Material, Base64, Base64]),
        args,
        'crypto.subtle.verify',
      )
      const key = await importKey(material, ['verify'])
      return attempt('verify', () => webcrypto.subtle.verify(use(algorithm), key, signature, data))
    }
    default:
      throw invalidInput(`There is no '${name}'.`)
  }
}

export const isCryptoCall = (name: string): boolean => name.startsWith('crypto.')

function read<T>(schema: z.ZodType<T>, args: Json[], what: string): T {
  const parsed = schema.safeParse(args)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalidInput(`${what}: ${issue?.message ?? 'the arguments cannot be used'}.`, {
    hint: `Here are ${HASHES.join(', ')} for digest, and ${ALGORITHMS.join(', ')} for sign and verify, with keys as raw, pkcs8, spki or jwk.`,
  })
}

const importKey = (
  [format, data, algorithm]: z.output<typeof Material>,
  usages: ('sign' | 'verify')[],
): Promise<webcrypto.CryptoKey> =>
  attempt('importKey', () => {
    const parameters = algorithm as webcrypto.HmacImportParams
    return format === 'jwk'
      ? webcrypto.subtle.importKey('jwk', data as webcrypto.JsonWebKey, parameters, false, usages)
      : webcrypto.subtle.importKey(format, Buffer.from(String(data), 'base64'), parameters, false, usages)
  })

const use = (algorithm: z.output<typeof UseAlgorithm>) => algorithm as webcrypto.EcdsaParams

const toBase64 = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString('base64')

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw invalidInput(`crypto.subtle.${what}: ${(cause as Error).message}`, {
      hint: 'Check the format of the key, its algorithm, and what it may be used for.',
      cause,
    })
  }
}
