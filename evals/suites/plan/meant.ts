import { buildRandom } from '../../random.ts'
import type { Meant, Wish } from './wish.ts'
import { invoices } from './wishes/invoices.ts'
import { newsletter } from './wishes/newsletter.ts'
import { payments } from './wishes/payments.ts'
import { refunds } from './wishes/refunds.ts'

export const wishes: readonly Wish[] = [invoices, newsletter, refunds, payments]

/** A person is asked four questions at most; where all is left unsaid, three are enough to be wrong. */
const MAX_HIDDEN = 3

/** Wishes by seed: how each is meant, and what of it the person does not say at first. @param named only these */
export function meantBySeed(seed: number, count: number, named?: string): Meant[] {
  const kinds = wishes.filter(({ name }) => named === undefined || named.split(',').includes(name))
  const random = buildRandom(seed, 'plan')
  return Array.from({ length: kinds.length === 0 ? 0 : count }, (_, number): Meant => {
    const wish = kinds[number % kinds.length] as Wish
    const chosen = Object.fromEntries(
      wish.choices.map(({ name, values }) => [name, random.pick(Object.keys(values)) ?? '']),
    )
    // Each number of unsaid things as often as the others.
    const hidden = random
      .shuffled(wish.choices.map(({ name }) => name))
      .slice(0, Math.floor(number / kinds.length + number) % (MAX_HIDDEN + 1))
    return { wish, chosen, hidden }
  })
}
