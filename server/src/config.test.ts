import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, readClientConfig, readConfig, unknownSettings } from './config.ts'

test('the configuration works when nothing is set', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    port: 8080,
    publicUrl: undefined,
    allowedHosts: [],
    logLevel: 'info',
    mailFrom: 'receipts@localhost',
    receiptFont: undefined,
    smtpUrl: undefined,
    databaseUrl: undefined,
    controlDatabaseUrl: undefined,
    processes: 1,
    databaseConnections: 6,
    databasePort: undefined,
    dataDirectory: resolve('.hawker'),
    apiKey: undefined,
    salt: undefined,
    secretKey: undefined,
    rateLimit: 0,
    idempotencyDays: 30,
    deliveryDays: 30,
    failedDeliveryDays: 90,
    mailDays: 90,
    groupCommitAcrossBusinesses: true,
    groupCommitRows: 256,
  })
})

test('HAWKER_PROCESSES=auto leaves a core to PostgreSQL and the worker', () => {
  expect(readConfig({ HAWKER_PROCESSES: 'auto' }).processes).toBe(Math.max(1, availableParallelism() - 1))
  expect(() => readConfig({ HAWKER_PROCESSES: 'many' })).toThrow('HAWKER_PROCESSES must be auto or a whole number from 1 to 64, not "many".')
})

test('every variable is read', () => {
  const config = readConfig({
    HOST: '0.0.0.0',
    PORT: '9000',
    HAWKER_PUBLIC_URL: 'https://pay.example.com/',
    LOG_LEVEL: 'debug',
    MAIL_FROM: 'shop@example.com',
    SMTP_URL: 'smtp://mail.example.com:2525',
    DATABASE_URL: 'postgres://user:pass@db/hawker',
    CONTROL_DATABASE_URL: 'postgresql://user:pass@control/hawker',
    HAWKER_PROCESSES: '3',
    HAWKER_DATABASE_CONNECTIONS: '12',
    HAWKER_DATABASE_PORT: '5433',
    HAWKER_DATA_DIR: '/var/lib/hawker',
    HAWKER_API_KEY: 'test_0123456789abcdef',
    HAWKER_SALT: 'salt-and-pepper',
    HAWKER_SECRET_KEY: 'AB'.repeat(32),
    HAWKER_RATE_LIMIT: '400',
    HAWKER_IDEMPOTENCY_DAYS: '7',
    HAWKER_DELIVERY_DAYS: '8',
    HAWKER_FAILED_DELIVERY_DAYS: '9',
    HAWKER_MAIL_DAYS: '10',
    HAWKER_ALLOWED_HOSTS: ' hawker, 192.168.1.20:8080',
    HAWKER_GROUP_COMMIT_ACROSS_BUSINESSES: 'false',
    HAWKER_GROUP_COMMIT_ROWS: '1',
  })
  expect(config).toEqual({
    host: '0.0.0.0',
    port: 9000,
    publicUrl: 'https://pay.example.com',
    allowedHosts: ['hawker', '192.168.1.20:8080'],
    logLevel: 'debug',
    mailFrom: 'shop@example.com',
    smtpUrl: 'smtp://mail.example.com:2525',
    databaseUrl: 'postgres://user:pass@db/hawker',
    controlDatabaseUrl: 'postgresql://user:pass@control/hawker',
    processes: 3,
    databaseConnections: 12,
    databasePort: 5433,
    dataDirectory: '/var/lib/hawker',
    apiKey: 'test_0123456789abcdef',
    salt: 'salt-and-pepper',
    secretKey: Buffer.alloc(32, 0xab),
    rateLimit: 400,
    idempotencyDays: 7,
    deliveryDays: 8,
    failedDeliveryDays: 9,
    mailDays: 10,
    groupCommitAcrossBusinesses: false,
    groupCommitRows: 1,
  })
  expect(Object.isFrozen(config)).toBe(true)
})

test('the job queue uses the main database unless it has its own, and blank values count as unset', () => {
  expect(readConfig({ DATABASE_URL: 'postgres://db/hawker' }).controlDatabaseUrl).toBe('postgres://db/hawker')
  expect(readConfig({ PORT: '  ', HOST: '', LOG_LEVEL: ' ' })).toEqual(readConfig({}))
  expect(readConfig({ PORT: ' 81 ', HOST: 'localhost' })).toMatchObject({ port: 81, host: '127.0.0.1' })
})

test('all invalid values are reported together', () => {
  const problems = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      return (error as ConfigError).problems.map((line) => line.split(' ')[0])
    }
    return []
  }
  expect(problems(() => readConfig({ PORT: 'x', LOG_LEVEL: 'loud', HAWKER_PUBLIC_URL: 'here', HAWKER_RATE_LIMIT: '-1' })).sort()).toEqual([
    'HAWKER_PUBLIC_URL',
    'HAWKER_RATE_LIMIT',
    'LOG_LEVEL',
    'PORT',
  ])
  expect(problems(() => readClientConfig({ HAWKER_URL: 'localhost' }))).toEqual(['HAWKER_URL', 'HAWKER_API_KEY'])
})

test('a HAWKER_ variable that nothing reads is warned of, with the one that it may be meant for', () => {
  expect(unknownSettings({ HAWKER_PUBLIC_ULR: 'https://pay.example.com', HAWKER_PORT: '9000', HAWKER_COLOUR: 'red' })).toEqual([
    'HAWKER_COLOUR is not a setting of Hawker and is ignored.',
    'HAWKER_PORT is not a setting of Hawker and is ignored. Did you mean PORT?',
    'HAWKER_PUBLIC_ULR is not a setting of Hawker and is ignored. Did you mean HAWKER_PUBLIC_URL?',
  ])
})

test('known variables, those of scripts and tests, and what Kubernetes sets are not warned of', () => {
  const documented = [...readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8').matchAll(/`(HAWKER_[A-Z_]+)`/g)].map(([, name = '']) => name)
  expect(documented.length).toBeGreaterThan(10)
  expect(unknownSettings(Object.fromEntries(documented.map((name) => [name, '1'])))).toEqual([])
  const others = {
    HAWKER_NODE: 'system',
    HAWKER_BROWSER_TESTS: 'off',
    HAWKER_SERVICE_HOST: '10.0.0.1',
    HAWKER_PORT: 'tcp://10.0.0.1:80',
    HAWKER_PORT_80_TCP_ADDR: '10.0.0.1',
  }
  expect(unknownSettings({ ...others, HOME: '/root' })).toEqual([])
})

describe('an invalid value is one line that names its variable', () => {
  test.each([
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '8080.5'],
    ['PORT', '0x50'],
    ['PORT', '80\n80'],
    ['HOST', 'not a host'],
    ['HOST', 'a/b'],
    ['LOG_LEVEL', 'loud'],
    ['HAWKER_PUBLIC_URL', 'pay.example.com'],
    ['HAWKER_PUBLIC_URL', 'ftp://pay.example.com'],
    ['HAWKER_ALLOWED_HOSTS', 'https://hawker'],
    ['HAWKER_ALLOWED_HOSTS', 'a b'],
    ['DATABASE_URL', 'mysql://db/hawker'],
    ['DATABASE_URL', 'hawker'],
    ['CONTROL_DATABASE_URL', 'http://db'],
    ['HAWKER_DATABASE_CONNECTIONS', '1'],
    ['HAWKER_DATABASE_CONNECTIONS', '65'],
    ['HAWKER_DATABASE_PORT', '0'],
    ['HAWKER_RECEIPT_FONT', '/no/such/font.otf'],
    ['HAWKER_DATABASE_PORT', 'x'],
    ['HAWKER_API_KEY', 'short'],
    ['HAWKER_API_KEY', 'with a blank inside it'],
    ['HAWKER_SALT', 'short'],
    ['HAWKER_SECRET_KEY', 'ab'],
    ['HAWKER_SECRET_KEY', 'zz'.repeat(32)],
    ['HAWKER_RATE_LIMIT', 'many'],
    ['HAWKER_IDEMPOTENCY_DAYS', '0'],
    ['HAWKER_GROUP_COMMIT_ACROSS_BUSINESSES', 'yes'],
    ['HAWKER_GROUP_COMMIT_ROWS', '0'],
  ])('%s=%j is rejected in one line that names the variable', (name, value) => {
    const read = () => readConfig({ [name]: value })
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(new RegExp(`^${name} must be .+\\.$`))
    const message = (() => {
      try {
        read()
      } catch (error) {
        return String((error as Error).message)
      }
    })()
    expect(message).not.toContain('\n')
    if (/KEY|SALT|^DATABASE_URL|CONTROL/.test(name)) expect(message).not.toContain(value)
  })
})
