const url = (address: string, more: object = {}) => ({
  raw: `{{base_url}}${address}`,
  host: ['{{base_url}}'],
  path: (address.split('?')[0] ?? '').slice(1).split('/'),
  ...more,
})
const query = (...pairs: [key: string, value: string, disabled?: boolean][]) =>
  pairs.map(([key, value, disabled]) => ({ key, value, disabled: disabled ?? false }))

/** A collection of what Postman can say and the shared ones do not: each kind of body, auth, address and variable. */
export const richCollection = {
  info: {
    name: 'Rich',
    schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
  },
  variable: [
    { key: 'tenant', value: 'acme' },
    { key: 'size', value: '20' },
  ],
  auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{secret}}', type: 'string' }] },
  item: [
    {
      name: 'Lists',
      auth: {
        type: 'apikey',
        apikey: [
          { key: 'key', value: 'X-Folder-Key' },
          { key: 'value', value: '{{folder_key}}' },
          { key: 'in', value: 'header' },
        ],
      },
      item: [
        {
          name: 'List things',
          request: {
            method: 'GET',
            url: url('/t/{{tenant}}/things?status=a b&tag=x&tag=y&limit={{size}}&q=caf%C3%A9%26co', {
              query: query(
                ['status', 'a b'],
                ['tag', 'x'],
                ['tag', 'y'],
                ['limit', '{{size}}'],
                ['q', 'caf%C3%A9%26co'],
                ['off', '1', true],
              ),
            }),
            header: [
              { key: 'X-Trace', value: 'on' },
              { key: 'X-Off', value: '1', disabled: true },
            ],
          },
        },
        {
          name: 'Key in the query',
          request: {
            method: 'GET',
            url: url('/things/count?a[b]=1&a[c]=2&empty=', {
              query: query(['a[b]', '1'], ['a[c]', '2'], ['empty', '']),
            }),
            auth: {
              type: 'apikey',
              apikey: [
                { key: 'key', value: 'api_key' },
                { key: 'value', value: '{{query_key}}' },
                { key: 'in', value: 'query' },
              ],
            },
          },
        },
      ],
    },
    {
      name: 'Get a thing',
      request: {
        method: 'GET',
        url: url('/things/:id/parts/:part.json', {
          variable: [
            { key: 'id', value: 'a 1' },
            { key: 'part', value: '7' },
          ],
        }),
      },
    },
    {
      name: 'Create a thing',
      request: {
        method: 'POST',
        url: url('/things'),
        header: [{ key: 'Content-Type', value: 'application/json' }],
        body: {
          mode: 'raw',
          raw: '{"id": "{{tenant}}", "body": null, "size": {{size}}, "list": [{"a": 1}, {"b": "é"}], "deep": {"x": {"y": true}}}',
          options: { raw: { language: 'json' } },
        },
      },
    },
    {
      name: 'Create a list of things',
      request: {
        method: 'PUT',
        url: url('/things'),
        body: { mode: 'raw', raw: '[{"a": 1}, 2]', options: { raw: { language: 'json' } } },
      },
    },
    {
      name: 'Send a form',
      request: {
        method: 'POST',
        url: url('/forms'),
        auth: {
          type: 'basic',
          basic: [
            { key: 'username', value: 'ada' },
            { key: 'password', value: '{{secret}}' },
          ],
        },
        body: {
          mode: 'urlencoded',
          urlencoded: [
            { key: 'a b', value: 'x&y=z' },
            { key: 'tag', value: '1' },
            { key: 'tag', value: '2' },
            { key: 'user[name]', value: 'Ada' },
            { key: 'off', value: '1', disabled: true },
          ],
        },
      },
    },
    {
      name: 'Send parts',
      request: {
        method: 'POST',
        url: url('/parts'),
        auth: { type: 'noauth' },
        body: {
          mode: 'formdata',
          formdata: [
            { key: 'title', value: 'Über "uns"', type: 'text' },
            { key: 'meta', value: '{"a":1}', type: 'text', contentType: 'application/json' },
            { key: 'off', value: '1', type: 'text', disabled: true },
          ],
        },
      },
    },
    {
      name: 'Send XML',
      request: {
        method: 'POST',
        url: url('/xml'),
        header: [{ key: 'Content-Type', value: 'application/xml' }],
        body: { mode: 'raw', raw: '<a><b>1</b></a>', options: { raw: { language: 'xml' } } },
      },
    },
    {
      name: 'Send text',
      request: { method: 'PATCH', url: url('/text'), body: { mode: 'raw', raw: 'plain {{tenant}}' } },
    },
    {
      name: 'Ask GraphQL',
      request: {
        method: 'POST',
        url: url('/graphql'),
        body: {
          mode: 'graphql',
          graphql: { query: 'query Q($n: Int) { a(n: $n) }', variables: '{"n": 1}', operationName: 'Q' },
        },
      },
    },
    {
      name: 'Delete with a body',
      request: {
        method: 'DELETE',
        url: 'https://other.example.com:8443/things/{{thing-id}}?hard=true',
        header: 'X-Reason: cleanup\nAuthorization: Token {{secret}}',
        body: { mode: 'raw', raw: '{"ids": [1, 2]}', options: { raw: { language: 'json' } } },
      },
    },
    {
      name: 'Two keys',
      request: {
        method: 'GET',
        url: url('/both'),
        header: [{ key: 'authorization', value: 'Token {{secret}}' }],
        auth: {
          type: 'apikey',
          apikey: [
            { key: 'key', value: 'X-Key' },
            { key: 'value', value: '{{folder_key}}' },
          ],
        },
      },
    },
    {
      name: 'By hand, for want of a token',
      request: {
        method: 'GET',
        url: url('/by-hand'),
        header: [{ key: 'Authorization', value: 'Token {{secret}}' }],
        auth: { type: 'bearer', bearer: [] },
      },
    },
    {
      name: 'A method of its own',
      request: {
        method: 'PURGE',
        url: {
          protocol: 'https',
          host: ['cdn', 'example', 'com'],
          path: ['cache', ':key'],
          variable: [{ key: 'key', value: 'k' }],
        },
      },
    },
  ],
}
