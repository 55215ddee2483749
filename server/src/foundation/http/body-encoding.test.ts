import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, customerBody, type Reply } from '#testing/api.ts'

const json = 'application/json'
const form = 'application/x-www-form-urlencoded'
const multipart = 'multipart/form-data; boundary=cut'
const latin1 = (text: string) => Buffer.from(text, 'latin1')

const post = (client: Client, type: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Reply> =>
  client.post('/v1/customers', undefined, { raw: { body, type }, headers })

const asForm = (name: string) => `email=a%40example.com&phone_number=91234567&name=${name}`
const asJson = (name: string) => `{"email":"a@example.com","phone_number":"91234567","name":"${name}"}`
const asParts = (name: string, type = '') => {
  const part = (field: string, value: string) => `--cut\r\ncontent-disposition: form-data; name="${field}"${type && `\r\n${type}`}\r\n\r\n${value}\r\n`
  return `${part('email', 'a@example.com')}${part('phone_number', '91234567')}${part('name', name)}--cut--\r\n`
}

describe('the charset of a body', () => {
  test.each<[string, string, string | Buffer, string]>([
    ['UTF-8 that is declared', `${json}; charset=utf-8`, asJson('Café 陈'), 'Café 陈'],
    ['UTF-8 by another name', `${json};charset="UTF8"`, asJson('Café'), 'Café'],
    ['Latin-1 in JSON', `${json}; charset=ISO-8859-1`, latin1(asJson('Café')), 'Café'],
    ['windows-1252 in JSON', `${json}; charset=windows-1252`, Buffer.from(asJson('5 \x80').replace('\x80', '\u0080'), 'latin1'), '5 €'],
    ['UTF-16 in JSON', `${json}; charset=utf-16le`, Buffer.from(asJson('Café 陈'), 'utf16le'), 'Café 陈'],
    ['Shift JIS in JSON', `${json}; charset=shift_jis`, Buffer.concat([latin1(asJson('').slice(0, -2)), Buffer.from([0x93, 0xfa, 0x22, 0x7d])]), '日'],
    ['a form in UTF-8', form, asForm('Caf%C3%A9+%E9%99%88'), 'Café 陈'],
    ['a form with bytes that are not escaped', form, asForm('Café'), 'Café'],
    ['a form with a percent sign that escapes nothing', form, asForm('50%25+or+5%'), '50% or 5%'],
    ['Latin-1 in a form', `${form}; charset=ISO-8859-1`, asForm('Caf%E9'), 'Café'],
    ['Latin-1 bytes in a form', `${form}; charset=latin1`, latin1(asForm('Café')), 'Café'],
    ['GBK in a form', `${form}; charset=gbk`, asForm('%B3%C2'), '陈'],
    ['a multipart body in UTF-8', multipart, asParts('Café 陈'), 'Café 陈'],
    ['parts that declare UTF-8', multipart, asParts('Café', 'content-type: text/plain; charset=utf-8'), 'Café'],
    ['parts that declare Latin-1', multipart, latin1(asParts('Café', 'content-type: text/plain; charset=ISO-8859-1')), 'Café'],
  ])('%s is decoded', async (_, type, body, name) => {
    const { status, json: customer } = await post(await aBusiness(), type, body)
    expect([status, customer.name]).toEqual([201, name])
  })

  test.each<[string, string, string | Buffer]>([
    ['JSON', json, latin1(asJson('Café'))],
    ['JSON that is declared as UTF-8', `${json}; charset=utf-8`, latin1(asJson('Café'))],
    ['JSON that is cut inside a character', json, Buffer.concat([Buffer.from(asJson('').slice(0, -2)), Buffer.from([0xe9, 0x99])])],
    ['an escaped form', form, asForm('Caf%E9')],
    ['a name of a form', form, `${asForm('x')}&caf%E9=1`],
    ['a surrogate in a form', form, asForm('%ED%A0%80')],
    ['the bytes of a form', form, latin1(asForm('Café'))],
    ['a multipart body', multipart, latin1(asParts('Café'))],
    ['parts that declare UTF-8', multipart, latin1(asParts('Café', 'content-type: text/plain; charset=utf-8'))],
  ])('text that is not UTF-8 is a 400: %s', async (_, type, body) => {
    const { status, json: refusal } = await post(await aBusiness(), type, body)
    expect([status, refusal.code, refusal.message]).toEqual([400, 'malformed_body', expect.stringContaining('UTF-8')])
  })

  test.each<[string, string, string | Buffer]>([
    ['JSON in UTF-7', `${json}; charset=utf-7`, asJson('x')],
    ['JSON in a charset that nobody knows', `${json}; charset=klingon`, asJson('x')],
    ['a form in EBCDIC', `${form}; charset=cp037`, asForm('x')],
    ['a form in UTF-16', `${form}; charset=utf-16`, asForm('x')],
    ['parts in Shift JIS', multipart, asParts('x', 'content-type: text/plain; charset=shift_jis')],
    ['parts in UTF-7', multipart, asParts('x', 'content-type: text/plain; charset=utf-7')],
  ])('a charset that is not supported is a 415 that says so: %s', async (_, type, body) => {
    const { status, json: refusal } = await post(await aBusiness(), type, body)
    expect([status, refusal.code, refusal.message]).toEqual([415, 'unsupported_media_type', expect.stringMatching(/in UTF-8\.$/)])
  })
})

describe('the content encoding of a body', () => {
  const whole = Buffer.from(JSON.stringify(customerBody({ name: 'Café' })))
  test.each([
    ['gzip', gzipSync(whole)],
    ['x-gzip', gzipSync(whole)],
    ['GZIP', gzipSync(whole)],
    ['deflate', deflateSync(whole)],
    ['br', brotliCompressSync(whole)],
    ['identity', whole],
  ])('a body in %s is decoded', async (encoding, body) => {
    const { status, json: customer } = await post(await aBusiness(), json, body, { 'content-encoding': encoding })
    expect([status, customer.name]).toEqual([201, 'Café'])
  })

  test('a form and a multipart body are decoded as well', async () => {
    const client = await aBusiness()
    for (const [type, body] of [
      [form, asForm('Caf%C3%A9')],
      [multipart, asParts('Café')],
    ] as const) {
      const { status, json: customer } = await post(client, type, gzipSync(body), { 'content-encoding': 'gzip' })
      expect([status, customer.name]).toEqual([201, 'Café'])
    }
  })

  test('an encoding that is not supported is a 415 that says so', async () => {
    const client = await aBusiness()
    for (const encoding of ['zstd', 'compress', 'gzip, br', 'base64']) {
      const { status, json: refusal } = await post(client, json, whole, { 'content-encoding': encoding })
      expect([status, refusal.code, refusal.message]).toEqual([415, 'unsupported_media_type', expect.stringContaining('gzip, deflate or br')])
    }
  })

  test('bytes that are not in the declared encoding are a 400', async () => {
    const client = await aBusiness()
    for (const encoding of ['gzip', 'deflate', 'br']) {
      for (const body of [whole, Buffer.from('x'), gzipSync(whole).subarray(0, 20)]) {
        const { status, json: refusal } = await post(client, json, body, { 'content-encoding': encoding })
        expect([encoding, status, refusal.code]).toEqual([encoding, 400, 'malformed_body'])
      }
    }
  })

  test('a body that grows beyond 1 MiB is a 413, and is not decoded any further', async () => {
    const client = await aBusiness()
    const bomb = Buffer.from(`{"name":"${'0'.repeat(100_000_000)}"}`)
    const before = process.memoryUsage().rss
    for (const [encoding, body] of [
      ['gzip', gzipSync(bomb)],
      ['deflate', deflateSync(bomb)],
      ['br', brotliCompressSync(bomb, { params: { 1: 1 } })],
    ] as const) {
      const { status, json: refusal } = await post(client, json, body, { 'content-encoding': encoding })
      expect([encoding, status, refusal.code]).toEqual([encoding, 413, 'body_too_large'])
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000)
  })
})
