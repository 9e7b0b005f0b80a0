const text = { type: 'string' } as const
const answered = (description: string, schema: object) => ({
  description,
  content: { 'application/json': { schema } },
})
const list = (name: string, of: string) => ({
  type: 'object',
  required: [name],
  properties: { [name]: { type: 'array', items: { $ref: `#/components/schemas/${of}` } } },
})
const query = (name: string, description: string) => ({
  name,
  in: 'query',
  required: false,
  description,
  schema: text,
})

/** The OpenAPI document of the demo's ledger. */
export const ledgerDescription = (url: string): object => ({
  openapi: '3.1.0',
  info: { title: 'Ledger', version: '1.0.0', description: 'Customers and their invoices.' },
  servers: [{ url }],
  paths: {
    '/customers': {
      get: {
        operationId: 'listCustomers',
        summary: 'List customers, or find one by email',
        parameters: [query('email', 'The customer’s email address, exactly; left out, all customers.')],
        responses: {
          200: answered('The customers with this address, or all.', list('customers', 'Customer')),
        },
      },
    },
    '/invoices': {
      get: {
        operationId: 'listInvoices',
        summary: 'List invoices, or find them by reference',
        parameters: [
          query('reference', 'The reference the invoice was made with, exactly; left out, all invoices.'),
        ],
        responses: {
          200: answered('The invoices with this reference, or all.', list('invoices', 'Invoice')),
        },
      },
      post: {
        operationId: 'createInvoice',
        summary: 'Create an invoice',
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/NewInvoice' } } },
        },
        responses: { 201: answered('The invoice.', { $ref: '#/components/schemas/Invoice' }) },
      },
    },
  },
  components: {
    schemas: {
      Customer: {
        type: 'object',
        required: ['id', 'email', 'name'],
        properties: { id: text, email: text, name: text },
      },
      NewInvoice: {
        type: 'object',
        required: ['customerId', 'reference', 'amountCents', 'currency'],
        properties: {
          customerId: { ...text, description: 'Id of the customer who pays.' },
          reference: { ...text, description: 'Your own number of what is billed.' },
          amountCents: { type: 'integer', minimum: 1, description: 'The amount in cents.' },
          currency: { ...text, description: 'ISO 4217: EUR.' },
        },
      },
      Invoice: {
        allOf: [
          { $ref: '#/components/schemas/NewInvoice' },
          { type: 'object', required: ['id'], properties: { id: text } },
        ],
      },
    },
  },
})
