import type { WireProblem } from './check-wire.ts'

/** Complaints of Prism about requests that are right, or that the description itself contradicts. */
interface Excuse {
  specification: RegExp
  /** Of `where: message`. */
  problem: RegExp
  /** Of the request, where the complaint alone does not tell. */
  request?: RegExp
  /** The complaint is about a value of the form that is not sent at all. */
  absent?: true
  reason: string
}

const EXCUSES: Excuse[] = [
  {
    specification: /slack/,
    problem: /^(header|query|body): .*'token'$/,
    reason: 'the token is the credential, which the connection adds after the request is built',
  },
  {
    specification: /./,
    problem: /^\(prism broke\): /,
    reason: 'Prism throws on absent optional lists in headers, and on a backslash in a multipart text',
  },
  {
    specification: /svix/,
    problem: /^query\.\S+: .* must be array,null$/,
    reason: 'Prism takes a single value of a list for a list only when its type is not [array, null]',
  },
  {
    specification: /xero/,
    problem: /^body: .* must match (format "byte"|pattern)/,
    reason: 'the description has base64 for a body of application/octet-stream; the API takes the bytes',
  },
  {
    specification: /box/,
    problem: /^path: .*required property/,
    reason: 'Prism finds no parameters in a template with a fragment (#add_shared_link)',
  },
  {
    specification: /box/,
    problem: /^query\.mdfilters/,
    reason:
      'OpenAPI leaves a list of objects in the style form undefined; sent as JSON, Prism splits it at commas',
  },
  {
    specification: /lob/,
    problem: /^body\.\S+: .*(must match pattern|exactly one schema)/,
    reason:
      'a pattern with lookahead is not enforced, so a text that fits none of the alternatives is left to the API to refuse',
  },
  {
    specification: /./,
    problem: /must match exactly one schema in oneOf$/,
    reason: 'the alternatives overlap, so that what the API takes fits several: checked as anyOf',
  },
  {
    specification: /./,
    problem: /^: Supported content types: application\/octet-stream$/,
    reason:
      'the input names the content type of its file itself, which is more telling than the declared one',
  },
  {
    specification: /./,
    problem: /^body\.\S+: .* must be object$/,
    request: /"content-type":"multipart\/form-data/,
    reason: 'an object in a multipart form is a part of JSON, which Prism does not parse',
  },
  {
    specification: /stripe/,
    problem: /^(body|query)\.\S+: .*must have required property/,
    absent: true,
    reason: 'Prism makes empty objects of fields in the style deepObject that are not sent',
  },
  {
    specification: /stripe/,
    problem: /^: Cannot deserialize JSON object array/,
    reason:
      'Prism wants lists of objects in a form as JSON; Stripe takes brackets, as its own library sends them',
  },
  {
    specification: /intercom/,
    problem: /^saved headers: .*not-sent-by-postman/,
    reason:
      "the collection's bearer auth names its token as Postman does not know it, so that Postman sends none; ours does",
  },
  {
    specification: /postman/,
    problem: /^: Supported content types: text\/plain$/,
    reason:
      "Prism's reader does not see the language a raw body is marked with, by which Postman sets the content type",
  },
  {
    specification: /postman/,
    problem: /^: No supported content types/,
    request: /"query":/,
    reason: "Prism's reader knows no GraphQL bodies",
  },
  {
    specification: /postman/,
    problem: /^query\.\S+: .* must be string$/,
    reason: "Prism's reader takes the last of several values of one name for the only one",
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
  { where, message, request }: WireProblem,
): string | undefined {
  const text = `${where}: ${message}`
  return EXCUSES.find(
    (excuse) =>
      excuse.specification.test(specification) &&
      excuse.problem.test(text) &&
      (excuse.request?.test(request) ?? true) &&
      (excuse.absent !== true || !isSent(where, request)),
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
