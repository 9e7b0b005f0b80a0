import type { WireProblem } from './check-wire.ts'

/** Complaints of Prism about requests that are right, or that the description itself contradicts. */
interface Excuse {
  specification: RegExp
  /** Of `where: message`. */
  problem: RegExp
  /** Of the request, where the complaint alone does not tell. */
  request?: RegExp
  /** The complaint is about a value that is not sent at all. */
  absent?: true
  /** The complaint is gone when several alternatives of a `oneOf` may fit: Prism was asked again. */
  overlaps?: true
  reason: string
}

const OVERLAPS =
  'the alternatives of a oneOf overlap, so that what the API takes fits several; Prism has nothing against'

/** Each for one description and its fields, so that a mistake of ours elsewhere is not hidden. */
const EXCUSES: Excuse[] = [
  {
    specification: /slack/,
    problem: /^(header|query|body): .*'token'$/,
    reason: 'the token is the credential, which the connection adds after the request is built',
  },
  {
    specification: /svix/,
    problem: /^query\.\S+: .* must be array,null$/,
    reason: 'Prism takes a single value of a list for a list only when its type is not [array, null]',
  },
  {
    specification: /xero/,
    problem: /^body: .* must match (format "byte"|pattern)/,
    request: /"content-type":"application\/octet-stream"/,
    reason: 'the description has base64 for a body of application/octet-stream; the API takes the bytes',
  },
  {
    specification: /xero|netlify/,
    problem: /^: Supported content types: application\/octet-stream$/,
    request: /"content-type":"(image\/png|text\/plain;charset=utf-8)"/,
    reason: 'the caller names the type of his file, which tells the API more than the declared octet-stream',
  },
  {
    specification: /box/,
    problem: /^query\.mdfilters\.0: .*must be object$/,
    reason:
      'OpenAPI leaves a list of objects in the style form undefined; sent as JSON, Prism splits it at commas',
  },
  {
    specification: /box/,
    problem: /^body: .*required property 'grant_type'$/,
    request: /^POST https:\/\/api\.box\.com\/oauth2\/revoke\n/,
    reason:
      'the description requires a grant_type of which it says nothing more, and which RFC 7009 does not know',
  },
  {
    specification: /^github/,
    problem: /^path\.workflow_id: /,
    overlaps: true,
    reason: `${OVERLAPS} an id in digits as number or text`,
  },
  {
    specification: /box/,
    problem: /^body\.taxonomy_sources\.\d+: /,
    overlaps: true,
    reason: `${OVERLAPS} a source without fields, none of which is required`,
  },
  {
    specification: /openai/,
    problem: /^body\.(items\.\d+|workflow\.state_variables\.[^.]+): /,
    overlaps: true,
    reason: `${OVERLAPS} a whole number as number and integer, or an item whose type is optional`,
  },
  {
    specification: /stripe/,
    problem: /^query\.(subscription_items|invoice_items)\.\S+: .*must have required property/,
    absent: true,
    reason: 'Prism makes empty objects of fields in the style deepObject that are not sent',
  },
  {
    specification: /xero/,
    problem:
      /^body: Prism cannot read the schema: can't resolve reference #\/properties\/\S+\/Prepayments\/items\/properties\/Contact from id #$/,
    reason:
      'Prism takes the read-only Prepayments out of a schema that refers to itself through them, and cannot read the rest',
  },
  {
    specification: /google_maps/,
    problem: /^query\.(min|max)price: .*allowed values/,
    reason: 'the description has numbers whose allowed values are texts: no value fits both',
  },
]

/** Why a complaint is none of ours, or undefined. */
export function excuseOf(
  specification: string,
  { where, message, request, overlaps }: WireProblem,
): string | undefined {
  const text = `${where}: ${message}`
  return EXCUSES.find(
    (excuse) =>
      excuse.specification.test(specification) &&
      excuse.problem.test(text) &&
      (excuse.request?.test(request) ?? true) &&
      (excuse.absent !== true || !isSent(where, request)) &&
      (excuse.overlaps !== true || overlaps === true),
  )?.reason
}

/** Does the form hold anything below `body.a.b`, as `a[b]…`? */
function isSent(where: string, request: string): boolean {
  const [first = '', ...rest] = where.split('.').slice(1)
  const name = encodeURIComponent(`${first}${rest.map((step) => `[${step}]`).join('')}`)
  const [line = ''] = request.split('\n', 1)
  const form = where.startsWith('query') ? line.split('?')[1] : request.slice(request.lastIndexOf('\n') + 1)
  return (form ?? '').split('&').some((pair) => pair.startsWith(name))
}
