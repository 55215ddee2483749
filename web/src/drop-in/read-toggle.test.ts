import { describe, expect, test } from 'vitest'
import { readToggle } from './read-toggle.ts'

describe('readToggle', () => {
  const home = 'https://pay.example.com'
  const id = '0192f0c1-2345-7abc-8def-0123456789ab'
  const read = (checkoutOptions: unknown, defaultUrl: unknown = `${home}/payment-request/@shop/`) =>
    readToggle({ type: 'toggle', props: { defaultUrl, checkoutOptions } }, home)

  test('a toggle becomes a URL of our own origin', () => {
    expect(read({ paymentRequest: id.toUpperCase(), method: 'card' })).toEqual({
      address: `/payment-request/@shop/${id}/checkout?embed=1&method=card`,
      paymentRequest: id,
    })
    expect(read({ amount: '12.50' })).toEqual({ address: '/payment-request/@shop/?embed=1&amount=12.50', paymentRequest: null })
    expect(read(undefined, '/payment-request/@shop')).toEqual({ address: '/payment-request/@shop/?embed=1', paymentRequest: null })
    expect(read({}, `${home}/payment-request/@shop/${id}/checkout?x=1#y`)).toEqual({
      address: `/payment-request/@shop/${id}/checkout?embed=1`,
      paymentRequest: id,
    })
  })

  test.each(['https://securecheckout.example.net', 'http://127.0.0.1:8080', 'https://pay.example.com:8443'])(
    'a request’s link at %s opens the same request here',
    (host) => {
      const opened = { address: `/payment-request/@shop/${id}/checkout?embed=1`, paymentRequest: id }
      expect(read({}, `${host}/payment-request/@shop/${id}/checkout`)).toEqual(opened)
      expect(read({ paymentRequest: id }, `${host}/payment-request/@shop/`)).toEqual(opened)
    },
  )

  test.each([
    [{ paymentRequest: '../../docs' }, undefined],
    [{ paymentRequest: { id } }, undefined],
    [{ method: 'card&amount=1' }, undefined],
    [{ amount: '1e3' }, undefined],
    [{ amount: -1 }, undefined],
    [{}, 'https://shop.example.com/payment-request/@shop/'],
    [{}, '//shop.example.com/payment-request/@shop/'],
    [{}, 'javascript:alert(1)'],
    [{ paymentRequest: id }, `ftp://pay.example.com/payment-request/@shop/${id}`],
    [{}, `${home}/docs`],
    [{}, `${home}/payment-request/@shop/../../docs`],
    [{}, `${home}/payment-request/@shop/${'-'.repeat(36)}/checkout`],
    [{}, 7],
  ])('a toggle with %j of %j gets an error message', (options, defaultUrl) => {
    expect(read(options, defaultUrl)).toBeTypeOf('string')
  })

  test.each([null, 7, 'toggle', [], {}, { type: 'toggle' }, { type: 'toggle', props: 7 }])('%j is not a toggle', (data) => {
    expect(readToggle(data, home)).toBeTypeOf('string')
  })
})
