import { describe, expect, test } from 'vitest'
import { decodeQr } from '#engine/rails/qr/decode.ts'
import { aBusiness, type Client, customerBody, eventsOf } from '#testing/api.ts'

const path = '/v1/payment-requests'
const create = (client: Client, more: Record<string, unknown> = {}) => client.post(path, { amount: '10.00', currency: 'SGD', ...more })

describe('POST /v1/payment-requests', () => {
  test('a create returns 201 with every field that clients read, and records the event', async () => {
    const client = await aBusiness()
    const { status, json, headers } = await create(client, { reference_number: 'A-1', metadata: { car: 'toyota' } })
    expect(status).toBe(201)
    expect(json).toMatchObject({
      amount: '10.00',
      currency: 'sgd',
      status: 'pending',
      send_sms: true,
      send_email: false,
      sms_status: 'pending',
      email_status: 'pending',
      allow_repeated_payments: false,
      add_admin_fee: false,
      is_currency_editable: false,
      channel: 'api_custom',
      metadata: { car: 'toyota' },
      name: null,
      email: null,
      phone: null,
      redirect_url: null,
      webhook: null,
      failed_webhook: null,
      line_items: null,
      address: null,
      expiry_date: null,
      executor_id: null,
      staff_id: null,
      business_location_id: null,
      customer_id: null,
      reference_number: 'A-1',
    })
    expect(json.payment_methods).toContain('card')
    expect(json.payment_methods).toContain('paynow_online')
    expect(json.payment_methods).not.toContain('fpx')
    expect(json.url).toBe(`${client.server.url}/payment-request/@${client.business.slug}/${json.id}/checkout`)
    expect(json.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
    expect(json).not.toHaveProperty('message')
    expect(json).not.toHaveProperty('detail')
    expect(json).not.toHaveProperty('payments')
    expect(headers.get('location')).toBe(`${path}/${json.id}`)
    const [event] = await eventsOf(client)
    expect(event).toMatchObject({ type: 'payment_request.created', object_id: json.id, data: json })
  })

  test('a payment request stores its key, and its reference is found without the business', async () => {
    const client = await aBusiness()
    const { json } = await create(client)
    const row = await client.server.database.db
      .selectFrom('payment_requests')
      .selectAll()
      .where('business_id', '=', client.business.id)
      .where('id', '=', json.id)
      .executeTakeFirstOrThrow()
    expect(row.payment_reference).toMatch(/^HWK[0-9A-HJKMNP-TV-Z]{17}$/)
    const found = await client.server.database.db.selectFrom('directory').selectAll().where('lookup', '=', row.payment_reference).executeTakeFirst()
    expect(found).toEqual({ lookup: row.payment_reference, kind: 'payment_reference', business_id: client.business.id, target_id: json.id })
    const { rows } = await client.server.database.pool.query('select id from api_keys where business_id = $1', [client.business.id])
    expect(row.api_key_id).toBe(rows[0].id)
  })

  test('a repeated create with the same Idempotency-Key returns the same answer', async () => {
    const client = await aBusiness()
    const headers = { 'idempotency-key': 'once' }
    const [first, second] = await Promise.all([
      client.post(path, { amount: 1, currency: 'sgd' }, { headers }),
      client.post(path, { amount: 1, currency: 'sgd' }, { headers }),
    ])
    expect(first.json).toEqual(second.json)
    expect((await client.get(path)).json.meta.total).toBe(1)
    expect((await client.post(path, { amount: 2, currency: 'sgd' }, { headers })).status).toBe(422)
  })

  test('concurrent creates make one request each', async () => {
    const client = await aBusiness()
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => create(client, { amount: i + 1, expires_after: '1 days' })))
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(60)
    expect(answers.map(({ json }) => json.amount)).toEqual(answers.map((_, i) => `${i + 1}.00`))
  })

  test.each([
    ['payment_methods[]=card&payment_methods[]=paynow_online', ['card', 'paynow_online']],
    ['payment_methods[0]=card&payment_methods[1]=paynow_online', ['card', 'paynow_online']],
    ['payment_methods=card,paynow_online', ['card', 'paynow_online']],
    ['payment_methods=card', ['card']],
    ['payment_methods[]=grabpay', ['grabpay_direct']],
  ])('a form may list methods as %s', async (spelled, expected) => {
    const client = await aBusiness()
    const { status, json } = await client.request('POST', path, { form: `amount=10&currency=SGD&${spelled}` })
    expect(status).toBe(201)
    expect(json.payment_methods).toEqual(expected)
  })

  test.each([
    ['true', true],
    [true, true],
    [1, true],
    ['1', true],
    ['false', false],
    [false, false],
    [0, false],
    ['0', false],
    ['', false],
  ])('allow_repeated_payments %j is %j', async (spelled, expected) => {
    const client = await aBusiness()
    expect((await create(client, { allow_repeated_payments: spelled })).json.allow_repeated_payments).toBe(expected)
    const form = new URLSearchParams({ amount: '10', currency: 'sgd', allow_repeated_payments: String(spelled) })
    expect((await client.request('POST', path, { form })).json.allow_repeated_payments).toBe(expected)
  })

  test('an invalid boolean is a 422', async () => {
    const client = await aBusiness()
    const { status, json } = await create(client, { send_email: 'maybe' })
    expect(status).toBe(422)
    expect(json.errors).toHaveProperty('send_email')
  })

  test.each([
    [{ currency: undefined }, 'currency', 'The currency field is required.'],
    [{ currency: 'zzz' }, 'currency', 'The selected currency is invalid.'],
    [{ amount: '0.29' }, 'amount', 'The amount must be between 0.3 and 999999999.99.'],
    [{ amount: '0.49', payment_methods: ['paynow_online', 'card'] }, 'amount', 'The amount must be at least SGD 0.50 for the method card.'],
    [{ amount: '1.99', currency: 'myr', payment_methods: ['card'] }, 'amount', 'The amount must be at least MYR 2.00 for the method card.'],
    [{ amount: 0 }, 'amount', 'The amount must be between 0.3 and 999999999.99.'],
    [{ amount: -5 }, 'amount', 'The amount must be between 0.3 and 999999999.99.'],
    [{ amount: '1000000000' }, 'amount', 'The amount must be between 0.3 and 999999999.99.'],
    [{ amount: '10.005' }, 'amount', 'The amount must be a number with at most 2 decimals in SGD.'],
    [{ amount: '1,000.00' }, 'amount', 'The amount must be written without thousands separators.'],
    [{ amount: 'ten' }, 'amount', 'The amount must be a number.'],
    [{ amount: '10.5', currency: 'vnd' }, 'amount', 'The amount must be a whole number in VND.'],
    [{ payment_methods: ['nothing'] }, 'payment_methods', 'The selected payment methods is invalid.'],
    [{ payment_methods: ['fpx'] }, 'payment_methods', 'The selected payment methods is invalid.'],
    [{ payment_methods: ['giro'] }, 'payment_methods', 'The selected payment methods is invalid.'],
    [{ phone: '1234567890123456' }, 'phone', 'The phone may not be greater than 15 characters.'],
    [{ email: 'nobody' }, 'email', 'The email must be a valid email address.'],
    [{ webhook: 'ftp://example.com' }, 'webhook', 'The webhook format is invalid.'],
    [{ redirect_url: 'javascript:alert(1)' }, 'redirect_url', 'The redirect url format is invalid.'],
    [{ failed_webhook: `https://example.com/${'a'.repeat(1020)}` }, 'failed_webhook', 'The failed webhook may not be greater than 1028 characters.'],
    [{ address: { line1: '1 Road' } }, 'address.postal_code', 'The address.postal code field is required.'],
    [{ payment_methods: ['wifi_card_reader'] }, 'wifi_terminal_id', 'The wifi terminal id field is required when payment methods is wifi_card_reader.'],
    [{ location_id: '01900000-0000-7000-8000-000000000000' }, 'location_id', 'The selected location id is invalid.'],
    [{ business_location_id: '01900000-0000-7000-8000-000000000000' }, 'business_location_id', 'The selected business location id is invalid.'],
    [{ customer_id: '01900000-0000-7000-8000-000000000000' }, 'customer_id', 'The selected customer id is invalid.'],
    [{ staff_id: 'x' }, 'staff_id', 'The staff id format is invalid.'],
    [{ metadata: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v'])) }, 'metadata', 'The metadata may not have more than 50 items.'],
    [{ metadata: { long: 'x'.repeat(501) } }, 'metadata.long', 'The metadata.long may not be greater than 500 characters.'],
    [{ expires_after: '1 hour' }, 'expires_after', 'The expires after format is invalid.'],
    [{ expires_after: '4 mins' }, 'expires_after', 'The expires after must be at least 5 mins.'],
    [{ expiry_date: 'tomorrow' }, 'expiry_date', 'The expiry date does not match the format Y-m-d H:i:s.'],
    [{ expiry_date: '2020-01-01 00:00:00' }, 'expiry_date', 'The expiry date must be a date after now.'],
    [{ amount: undefined, generate_qr: true, payment_methods: ['paynow_online'] }, 'amount', 'The amount field is required when generate qr is true.'],
    [{ generate_qr: true, payment_methods: ['card'] }, 'payment_methods', 'The method card has no QR code.'],
    [{ generate_qr: true }, 'payment_methods', 'The payment methods must have exactly one item when generate qr is true.'],
    [
      { generate_direct_link: true, payment_methods: ['grabpay_direct'] },
      'redirect_url',
      'The redirect url field is required when generate direct link is true.',
    ],
    [
      { generate_direct_link: true, generate_qr: true, payment_methods: ['grabpay_direct'], redirect_url: 'https://example.com' },
      'generate_direct_link',
      'The generate direct link field is prohibited when generate qr is true.',
    ],
  ])('%j is a 422 that names %s', async (more, field, fault) => {
    const client = await aBusiness()
    const { status, json } = await create(client, more)
    expect(status).toBe(422)
    expect(json.errors[field]?.[0]).toBe(fault)
    expect((await client.get(path)).json.data).toEqual([])
  })

  test.each([
    [10, 'sgd', '10.00'],
    [10.5, 'SGD', '10.50'],
    ['10', 'Sgd', '10.00'],
    ['0.3', 'sgd', '0.30'],
    ['999999999.99', 'sgd', '999999999.99'],
    ['10.500', 'sgd', '10.50'],
    [1000, 'vnd', '1000'],
    ['1.234', 'kwd', '1.234'],
  ])('the amount %j %s is %s', async (amount, currency, expected) => {
    const client = await aBusiness()
    expect((await create(client, { amount, currency })).json).toMatchObject({ amount: expected, currency: currency.toLowerCase() })
  })

  test('without an amount the payer enters it', async () => {
    const client = await aBusiness()
    const { status, json } = await create(client, { amount: undefined })
    expect(status).toBe(201)
    expect(json.amount).toBeNull()
  })

  test('line items, address, location, staff and terminal are returned as sent', async () => {
    const client = await aBusiness()
    const [location] = (await client.get('/v1/locations')).json
    const address = { line1: '1 Road', line2: null, city: 'Singapore', state: 'Central', country: 'SG', postal_code: '10015' }
    const more = {
      line_items: [{ name: 'Tea', price: 1.5, quantity: 2 }],
      address,
      location_id: location.id,
      staff_id: location.id,
      wifi_terminal_id: 'tmr_1',
      payment_methods: ['wifi_card_reader'],
      phone: '+6581234567',
      channel: 'api_woocomm',
    }
    const { json } = await create(client, more)
    const item = { id: null, name: 'Tea', price: 1.5, quantity: 2, description: null, sku: null, category: null, url: null }
    const { location_id, ...shown } = more
    expect(json).toMatchObject({ ...shown, line_items: [item], business_location_id: location_id })
    const read = await client.get(`${path}/${json.id}`)
    expect(read.json).toEqual({ ...json, location })
  })

  test('an inactive location is rejected', async () => {
    const client = await aBusiness()
    const [location] = (await client.get('/v1/locations')).json
    await client.server.database.db.updateTable('locations').set({ active: false }).where('business_id', '=', client.business.id).execute()
    expect((await create(client, { location_id: location.id })).status).toBe(422)
  })

  test('an email address of exactly one customer links that customer, in either case', async () => {
    const client = await aBusiness()
    const stranger = await aBusiness()
    const jane = (await client.post('/v1/customers', customerBody({ email: 'Jane@example.com' }))).json
    expect((await create(client, { email: 'jane@EXAMPLE.com' })).json.customer_id).toBe(jane.id)
    expect((await create(stranger, { email: 'jane@example.com' })).json.customer_id).toBeNull()
    expect((await create(client, { email: 'other@example.com', customer_id: jane.id })).json.customer_id).toBe(jane.id)
    expect((await create(stranger, { customer_id: jane.id })).json.errors.customer_id).toEqual(['The selected customer id is invalid.'])
    await client.post('/v1/customers', customerBody({ email: 'jane@example.com' }))
    expect((await create(client, { email: 'jane@example.com' })).json.customer_id).toBeNull()
  })

  test('only methods that the business has enabled are accepted', async () => {
    const client = await aBusiness({ payment_methods: ['card', 'paynow_online'] })
    expect((await create(client)).json.payment_methods).toEqual(['card', 'paynow_online'])
    expect((await create(client, { payment_methods: ['atome'] })).status).toBe(422)
    expect((await create(client, { currency: 'usd' })).json.payment_methods).toEqual(['card'])
  })
})

describe('expiry', () => {
  test('expires_after counts from now, in the time zone of the business', async () => {
    const client = await aBusiness()
    const { json } = await create(client, { expires_after: '90 mins' })
    const gap = Date.parse(`${json.expiry_date}Z`) - Date.parse(`${json.created_at}Z`)
    expect(gap).toBe(90 * 60_000)
  })

  test('expiry_date is in the time zone of the business and takes precedence', async () => {
    const client = await aBusiness({ timezone: 'Asia/Manila' })
    const { json } = await create(client, { expiry_date: '2099-05-26 15:10:00', expires_after: '5 mins' })
    expect(json.expiry_date).toBe('2099-05-26T15:10:00')
    const { rows } = await client.server.database.pool.query('select due_at from payment_request_expiries where business_id = $1', [client.business.id])
    expect(rows[0].due_at.toISOString()).toBe('2099-05-26T07:10:00.000Z')
  })
})

describe('codes and links', () => {
  test.each([
    ['paynow_online', 'sgd', 'paynow'],
    ['opn_prompt_pay', 'thb', 'promptpay_bill'],
    ['doku_qris', 'idr', 'qris'],
    ['qrph_netbank', 'php', 'qrph'],
    ['duitnow', 'myr', 'duitnow'],
    ['vietqr_zalopay', 'vnd', 'vietqr'],
    ['upi_qr', 'sgd', 'upi'],
  ])('%s has a real code with our reference', async (method, currency, scheme) => {
    const client = await aBusiness({ name: 'Nguyễn Đức & Söhne with a name that is far too long' })
    const { status, json } = await create(client, { amount: 12, currency, payment_methods: [method], generate_qr: 'true', expires_after: '1 hours' })
    expect(status).toBe(201)
    const row = await client.server.database.db
      .selectFrom('payment_requests')
      .select('payment_reference')
      .where('business_id', '=', client.business.id)
      .executeTakeFirstOrThrow()
    const code = decodeQr(json.qr_code_data.qr_code)
    expect(code.scheme).toBe(scheme)
    if (scheme !== 'upi') expect(code).toMatchObject({ amountMinor: currency === 'vnd' ? 12n : 1200n, currency })
    expect(json.qr_code_data.qr_code).toContain(row.payment_reference)
    expect(json.qr_code_data.qr_code_expiry).toMatch(/Z$/)
    expect(json.qr_code_data.qr_image_mime).toBeNull()
    if (scheme === 'paynow') {
      expect(code).toMatchObject({ reference: row.payment_reference, proxyType: 'uen', editable: false, warnings: [] })
      expect(code.proxy).toMatch(/^2099\d{5}[ZKCMDNERGWH]$/)
    }
    expect((await client.get(`${path}/${json.id}`)).json.qr_code_data).toEqual(json.qr_code_data)
  })

  test('a wallet without a public scheme has a link to the page as its code', async () => {
    const client = await aBusiness()
    const { json } = await create(client, { payment_methods: ['shopee_pay'], generate_qr: true })
    expect(json.qr_code_data.qr_code).toBe(`${json.url}?method=shopee_pay`)
  })

  test('a direct link opens the page with its method', async () => {
    const client = await aBusiness()
    const more = { payment_methods: ['grabpay_direct'], generate_direct_link: 1, redirect_url: 'https://example.com/back?order=1', expires_after: '30 mins' }
    const { json } = await create(client, more)
    expect(json.direct_link).toEqual({ direct_link_url: `${json.url}?method=grabpay_direct`, direct_link_app_url: null, expiry_time: json.expiry_date })
    expect(json).not.toHaveProperty('qr_code_data')
  })

  test('a live business without a bank account gets an error that says so', async () => {
    const client = await aBusiness({ mode: 'live' })
    const { status, json } = await create(client, { payment_methods: ['paynow_online'], generate_qr: true })
    expect(status).toBe(422)
    expect(json.code).toBe('payment_method_not_available')
    expect((await create(client, { currency: 'thb', payment_methods: ['opn_prompt_pay'] })).status).toBe(422)
  })
})

test('a request that names no methods gets those that accept its amount', async () => {
  const client = await aBusiness()
  const small = (await create(client, { amount: '0.30' })).json
  expect(small.payment_methods).toContain('paynow_online')
  expect(small.payment_methods).not.toContain('card')
  expect((await create(client, { amount: '0.50' })).json.payment_methods).toContain('card')
  expect((await create(client, { amount: '0.49', payment_methods: ['paynow_online'] })).status).toBe(201)
})
