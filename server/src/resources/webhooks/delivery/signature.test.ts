import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { diagnoseSignature, type FindingCode } from './diagnose-signature.ts'
import { signV1, signV2, standardHeaders, standardSecret, v1Body, v1SignedText, verifyStandard, verifyV1, verifyV2 } from './signature.ts'

const fields = {
  payment_id: '92965a20-dae5-4d89-a452-5fdfa382dbe1',
  payment_request_id: '92965a1f-10f0-4d89-a8f0-5fdfa382dbe1',
  phone: '',
  amount: '599.00',
  currency: 'SGD',
  status: 'completed',
  reference_number: 'ABC123',
}
const event = '{"id":"9ef68e2e-3569-4f69-9f68-04c7e4bb007c","amount":"10.00","currency":"sgd","status":"completed"}'
const now = new Date('2026-11-22T08:00:00Z')
const salt = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'

describe('v1, in the form', () => {
  test('the published callback has the published hmac', () => {
    expect(v1SignedText(fields)).toBe(
      'amount599.00currencySGDpayment_id92965a20-dae5-4d89-a452-5fdfa382dbe1payment_request_id92965a1f-10f0-4d89-a8f0-5fdfa382dbe1phonereference_numberABC123statuscompleted',
    )
    expect(signV1(fields, 'test-salt')).toBe('9a46e0b67289dca369b760c456f1ed52864afbdffa63aa45a946d613e3c18dc5')
  })

  test('the published recurring callback has the published hmac', () => {
    const recurring = { payment_id: 'p1', recurring_billing_id: 'r1', amount: '9.9', currency: 'sgd', status: 'succeeded', reference: 'cust_1' }
    expect(signV1(recurring, 'test-salt')).toBe('c3b05db0cb9f5afcd8baff3c16c5e948882544272029aef345e221a0f3a3e70f')
  })

  test('null is signed as an empty value', () => {
    expect(signV1({ ...fields, phone: null }, salt)).toBe(signV1(fields, salt))
  })

  test('a client that sorts, joins and hashes the posted fields gets the same hmac', () => {
    const texts = fc.dictionary(fc.stringMatching(/^[a-z_]{1,20}$/), fc.string({ unit: 'grapheme' }))
    fc.assert(
      fc.property(texts, (values) => {
        const { hmac, ...posted } = Object.fromEntries(new URLSearchParams(v1Body(values, salt)))
        const text = Object.keys(posted)
          .sort()
          .reduce((joined, name) => joined + name + posted[name], '') // as the PHP and JavaScript clients do
        expect(createHmac('sha256', salt).update(text).digest('hex')).toBe(hmac)
        expect(verifyV1({ ...posted, hmac: hmac ?? '' }, salt)).toBe(true)
        expect(verifyV1({ ...posted, hmac: hmac ?? '', another: 'x' }, salt)).toBe(false)
      }),
    )
  })

  test('a missing hmac never verifies', () => {
    expect(verifyV1(fields, salt)).toBe(false)
  })
})

describe('v2, over the raw body', () => {
  test('the published event has the published signature', () => {
    const signature = '9aeca70b96f27ff2b3a97749caf0d00f7b6bcb6108007f14f7b5ecb2ea97310d'
    expect(signV2(event, 'endpoint-salt')).toBe(signature)
    expect(verifyV2(Buffer.from(event), signature, 'endpoint-salt')).toBe(true)
    expect(verifyV2(event, signature.toUpperCase(), 'endpoint-salt')).toBe(false)
    expect(verifyV2(event, '', 'endpoint-salt')).toBe(false)
  })
})

describe('Standard Webhooks', () => {
  test('the public library accepts our signature, under the secret derived from the salt', () => {
    const id = '019aa0d0-0000-7000-8000-000000000000'
    const at = new Date()
    fc.assert(
      fc.property(fc.json(), fc.stringMatching(/^[!-~]{24,64}$/), (body, secret) => {
        const headers = { ...standardHeaders(id, at, body, [secret]) }
        expect(new Webhook(standardSecret(secret)).verify(body, headers)).toEqual(JSON.parse(body))
        expect(verifyStandard(body, headers, secret, { now: at })).toBe('verified')
        expect(() => new Webhook(standardSecret(secret)).verify(`${body} `, headers)).toThrow('No matching signature')
        expect(verifyStandard(`${body} `, headers, secret, { now: at })).toBe('wrong_signature')
      }),
    )
  })

  test('a signature of the public library verifies', () => {
    const signature = new Webhook(standardSecret(salt)).sign('one', now, event)
    const headers = { 'webhook-id': 'one', 'webhook-timestamp': String(now.getTime() / 1000), 'webhook-signature': signature }
    expect(verifyStandard(event, headers, salt, { now })).toBe('verified')
    expect(standardHeaders('one', now, event, [salt])).toEqual(headers)
  })

  test('both the old and the new salt verify while a salt is rotated', () => {
    const headers = { ...standardHeaders('one', now, event, ['the new salt', 'the old salt']) }
    expect(verifyStandard(event, headers, 'the new salt', { now })).toBe('verified')
    expect(verifyStandard(event, headers, 'the old salt', { now })).toBe('verified')
    expect(verifyStandard(event, headers, 'another', { now })).toBe('wrong_signature')
  })

  test('a delivery verifies for five minutes in either direction', () => {
    const headers = { ...standardHeaders('one', now, event, [salt]) }
    const at = (seconds: number) => verifyStandard(event, headers, salt, { now: new Date(now.getTime() + seconds * 1000) })
    expect([at(-301), at(-300), at(300), at(301)]).toEqual(['too_new', 'verified', 'verified', 'too_old'])
    expect(verifyStandard(event, { ...headers, 'webhook-timestamp': 'soon' }, salt, { now })).toBe('bad_timestamp')
    expect(verifyStandard(event, { 'webhook-id': 'one' }, salt, { now })).toBe('missing_header')
  })
})

describe('signature diagnosis', () => {
  test('a body and a signature with tens of thousands of separators are diagnosed in time that grows with their length', () => {
    const newlines = `{"a":1}${'\n'.repeat(60_000)}x`
    const headers = { 'webhook-id': 'a', 'webhook-timestamp': '1', 'webhook-signature': `v1,a${' ,'.repeat(50_000)}v1,b${' v1,c'.repeat(50_000)}` }
    for (const sent of [newlines.slice(0, -1), `${newlines}\n`]) {
      const found = diagnoseSignature({ body: newlines, headers, salt: 'salt', sent, now: new Date() })
      expect(found.verifies).toBe(false)
    }
  })

  const signed = { 'Hitpay-Signature': signV2(event, salt), 'Content-Type': 'application/json' }
  const codes = (delivery: Partial<Parameters<typeof diagnoseSignature>[0]>): FindingCode[] =>
    diagnoseSignature({ body: event, headers: signed, salt, now, ...delivery }).findings.map(({ code }) => code)
  const header = (value: string) => ({ headers: { 'hitpay-signature': value } })
  const php = '{"url":"https:\\/\\/example.com\\/a","name":"Caf\\u00e9","n":10.5}'
  const ours = '{"url":"https://example.com/a","name":"Café","n":10.5}'

  test('a delivery with all its signatures verifies', () => {
    const headers = { ...signed, ...standardHeaders('one', now, event, [salt]) }
    expect(diagnoseSignature({ body: event, headers, salt, now })).toMatchObject({
      verifies: true,
      findings: [],
      checks: [{ scheme: 'v2' }, { scheme: 'standard' }],
    })
    expect(diagnoseSignature({ body: v1Body(fields, salt), headers: {}, salt, now })).toMatchObject({ verifies: true, checks: [{ scheme: 'v1' }] })
    expect(codes({ headers: { HTTP_HITPAY_SIGNATURE: signV2(event, salt) } })).toEqual([])
  })

  test.each<[string, Parameters<typeof codes>[0], FindingCode[]]>([
    ['no signature at all', { headers: {} }, ['no_signature']],
    ['a header that was taken away', { headers: { 'hitpay-event-type': 'created' } }, ['missing_header']],
    ['an empty header', header(''), ['empty_signature']],
    ['upper case', header(signV2(event, salt).toUpperCase()), ['upper_case_hex']],
    ['a prefix', header(`sha256=${signV2(event, salt)}`), ['prefix']],
    ['base64', header(Buffer.from(signV2(event, salt), 'hex').toString('base64')), ['base64_instead_of_hex']],
    ['white space in the header', header(` ${signV2(event, salt)}`), ['space_in_signature']],
    ['the API key instead of the endpoint', { salt: 'key', otherSalts: [{ name: 'the salt of the API key', salt }] }, ['wrong_salt']],
    ['white space around the salt', { salt: `${salt}\n` }, ['salt_with_space']],
    ['a salt taken for hexadecimal', header(createHmac('sha256', Buffer.from(salt, 'hex')).update(event).digest('hex')), ['salt_decoded']],
    ['a secret in the other form', { salt: standardSecret(salt) }, ['salt_decoded']],
    ['a newline at the end', { body: `${event}\n` }, ['trailing_newline']],
    ['a newline that is gone', header(signV2(`${event}\n`, salt)), ['missing_newline']],
    ['a byte order mark', { body: `\ufeff${event}` }, ['byte_order_mark']],
    [
      'line endings',
      { body: JSON.stringify(JSON.parse(event), null, 2).replaceAll('\n', '\r\n'), ...header(signV2(JSON.stringify(JSON.parse(event), null, 2), salt)) },
      ['line_endings'],
    ],
    ['pretty JSON', { body: JSON.stringify(JSON.parse(event), null, 2) }, ['reserialised_json']],
    ['PHP escapes that were undone', { body: ours, ...header(signV2(php, salt)) }, ['reserialised_json']],
    ['PHP escapes that were added', { body: php, ...header(signV2(ours, salt)) }, ['reserialised_json']],
    ['Latin-1', { body: Buffer.from(ours, 'utf8').toString('latin1'), ...header(signV2(ours, salt)) }, ['wrong_charset']],
    ['another order of names', { body: JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(event)).reverse())), sent: event }, ['key_order']],
    ['a form', { body: new URLSearchParams(JSON.parse(event)).toString() }, ['form_instead_of_json']],
    ['JSON as a form field', { body: `${encodeURIComponent(event)}=` }, ['form_instead_of_json']],
    ['another body', { body: event.replace('10.00', '99.00') }, ['unexplained']],
    ['another body than the one on record', { body: event.replace('10.00', '99.00'), sent: event }, ['body_changed']],
    ['two faults at once', { body: `${event}\n`, ...header(signV2(event, salt).toUpperCase()) }, ['upper_case_hex', 'trailing_newline']],
  ])('a v2 signature is diagnosed: %s', (_, delivery, expected) => {
    expect(codes(delivery)).toEqual(expected)
  })

  test('the diagnosis names the byte at which reserialized JSON differs', () => {
    const [finding] = diagnoseSignature({ body: '{"id": "1", "n": 2}', headers: header(signV2('{"id":"1","n":2}', salt)).headers, salt, now }).findings
    expect(finding).toMatchObject({ code: 'reserialised_json', at: 6 })
  })

  const form = (change: (body: URLSearchParams) => void, posted: Record<string, string> = fields) => {
    const body = new URLSearchParams(v1Body(posted, salt))
    change(body)
    return { body: body.toString(), headers: {} }
  }

  test.each<[string, Parameters<typeof codes>[0], FindingCode[]]>([
    ['an empty hmac', form((body) => body.set('hmac', '')), ['empty_signature']],
    ['upper case', form((body) => body.set('hmac', signV1(fields, salt).toUpperCase())), ['upper_case_hex']],
    ['another salt', { ...form(() => undefined), salt: 'endpoint', otherSalts: [{ name: 'the salt of the API key', salt }] }, ['wrong_salt']],
    ['an empty field that is gone', form((body) => body.delete('phone')), ['missing_field']],
    ['a field of the URL', form((body) => body.set('wc-api', 'wc_hitpay')), ['extra_field']],
    ['an amount as a number', form((body) => body.set('amount', '599')), ['changed_field']],
    ['a currency in lower case', form((body) => body.set('currency', 'sgd')), ['changed_field']],
    ['a plus that became a space', form((body) => body.set('phone', ' 6591234567'), { ...fields, phone: '+6591234567' }), ['changed_field']],
    ['JSON', { body: JSON.stringify({ ...fields, hmac: signV1(fields, salt) }), headers: {} }, ['json_instead_of_form']],
    ['another amount', form((body) => body.set('amount', '1.00')), ['unexplained']],
  ])('a v1 signature is diagnosed: %s', (_, delivery, expected) => {
    expect(codes(delivery)).toEqual(expected)
  })

  const standard = (change: Record<string, string>) => ({ headers: { ...standardHeaders('one', now, event, [salt]), ...change } })
  const right = standardHeaders('one', now, event, [salt])['webhook-signature']

  test.each<[string, Parameters<typeof codes>[0], FindingCode[]]>([
    ['a missing header', standard({ 'webhook-id': '' }), ['missing_header']],
    ['no version', standard({ 'webhook-signature': right.slice(3) }), ['missing_version']],
    ['hexadecimal', standard({ 'webhook-signature': `v1,${Buffer.from(right.slice(3), 'base64').toString('hex')}` }), ['hex_instead_of_base64']],
    ['a newline at the end', { ...standard({}), body: `${event}\n` }, ['trailing_newline']],
    ['another salt', { ...standard({}), salt: 'key', otherSalts: [{ name: 'of the endpoint', salt }] }, ['wrong_salt']],
    ['an old delivery', { ...standard({}), now: new Date(now.getTime() + 3_600_000) }, ['too_old']],
    ['a clock that is behind', { ...standard({}), now: new Date(now.getTime() - 3_600_000) }, ['too_new']],
    ['milliseconds', { headers: { ...standardHeaders('one', new Date(now.getTime() * 1000), event, [salt]) } }, ['bad_timestamp']],
    ['one signature of two', standard({ 'webhook-signature': `v1,AAAA v1a,BBBB ${right}` }), []],
  ])('a Standard Webhooks signature is diagnosed: %s', (_, delivery, expected) => {
    expect(codes(delivery)).toEqual(expected)
  })

  test('a signature whose own text begins like a version is one signature', () => {
    const headers = Array.from({ length: 50_000 }, (_, id) => standardHeaders(String(id), now, event, [salt])).find((one) =>
      /^v1,v\d/.test(one['webhook-signature']),
    )
    expect(codes({ headers: { ...headers } })).toEqual([])
  })

  test('the largest bodies and the longest lists of fields, salts and signatures are diagnosed within a second', () => {
    const otherSalts = Array.from({ length: 50 }, (_, i) => ({ name: `endpoint ${i}`, salt: `salt ${i}` }))
    const largest = 262_144
    const many = (count: number, name = 'a') => Array.from({ length: count }, (_, i) => `${name}${i}=1`).join('&')
    const deliveries: [string, string, Record<string, string>][] = [
      ['a form of 20,000 fields', `${many(20_000)}&hmac=ab`, {}],
      ['a form of 99 long fields', `${many(98, 'b'.repeat(2_600))}&hmac=ab`, {}],
      ['a signed form', many(20_000), { 'hitpay-signature': 'ab' }],
      ['JSON of escapes', JSON.stringify(Array.from({ length: 20_000 }, (_, i) => [i, '/é'])).slice(0, largest), { 'hitpay-signature': 'ab' }],
      ['quotes without an end', '"\\'.repeat(largest / 2), { 'hitpay-signature': 'ab' }],
      ['newlines', '\n'.repeat(largest), { 'hitpay-signature': 'ab' }],
      ['100,000 signatures', '{}', { ...standardHeaders('one', now, '{}', [salt]), 'webhook-signature': 'v1,AAAA '.repeat(100_000) }],
      [
        'a long body',
        JSON.stringify({ a: 'x'.repeat(largest - 20) }),
        { ...standardHeaders('one', now, '{}', [salt]), 'webhook-signature': 'v1,AAAA '.repeat(50) },
      ],
    ]
    for (const [name, body, headers] of deliveries) {
      const began = performance.now()
      const { findings } = diagnoseSignature({ body, headers, salt: 'wrong', otherSalts, now })
      expect([name, performance.now() - began < 1_000]).toEqual([name, true])
      expect(findings.every(({ message }) => message.length < 1_000)).toBe(true)
    }
  })

  test('the diagnosis never throws, and never verifies what the verifiers reject', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.uint8Array())
    fc.assert(
      fc.property(
        anything,
        fc.string(),
        fc.dictionary(fc.constantFrom('hitpay-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature'), fc.string()),
        (body, secret, headers) => {
          expect(diagnoseSignature({ body, headers, salt: secret, now }).verifies).toBe(false)
        },
      ),
    )
  })
})
