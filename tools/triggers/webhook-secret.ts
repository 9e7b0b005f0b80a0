import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { newWebhookSecret, secretProblem } from '../../runtime/triggers/verify.ts'
import { DEFAULT_API_KEY_HEADER, type Verification } from '../../runtime/triggers/webhook-config.ts'

export const SecretInput = z
  .string()
  .min(1)
  .max(1_000)
  .optional()
  .describe(
    'The signing secret or key, when the sender sets it (Stripe, Shopify and Slack do); made when left out.',
  )

export const NewSecret = z
  .string()
  .nullable()
  .describe('The secret that was made: shown this once, keep it. Null when you gave it, or none is used.')

/**
 * The secret a webhook gets: the one given, a new one, or none.
 * @returns `shown` is what the caller is told: never what the caller gave
 * @throws AppError `invalid_input` when the given one cannot serve the scheme
 */
export function chooseSecret(
  verification: Verification,
  given: string | undefined,
): { plain: string | null; shown: string | null } {
  const { scheme } = verification
  if (given !== undefined) {
    const problem = secretProblem(scheme, given)
    if (problem !== undefined)
      throw invalidInput(problem, { where: 'secret', hint: 'Correct it, or leave it out to have one made.' })
    return { plain: given, shown: null }
  }
  const made = scheme === 'none' ? null : newWebhookSecret(scheme)
  return { plain: made, shown: made }
}

/** What is left to do at the sender's side, in a sentence. */
export function nextStep(verification: Verification, given: boolean): string {
  const { scheme, header } = verification
  if (scheme === 'none') return 'Post events to the URL. Anybody who knows it may.'
  if (given) return 'Register the URL at the sender, signing with the secret you gave.'
  if (scheme === 'api_key') {
    const name = header ?? DEFAULT_API_KEY_HEADER
    return `Post events to the URL with the header ${name}: ${verification.prefix ?? ''}<secret>.`
  }
  return scheme === 'stripe' || scheme === 'shopify' || scheme === 'slack'
    ? `Register the URL there. ${scheme[0]?.toUpperCase()}${scheme.slice(1)} issues its own secret: set that one with rotate_webhook_secret.`
    : 'Register the URL and the secret at the sender.'
}
