import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'

/** SHA-256 of a text, in lower-case hexadecimal. Keys are stored and looked up by it. */
export function sha256(text: string | Buffer): string {
  return hash('sha256', text, 'hex')
}

/** Encrypts a secret that must be read again (a salt) with AES-256-GCM under a 32-byte key: `v1.<iv>.<tag>.<text>`, base64url. */
export function encryptSecret(text: string, key: Buffer): string {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return ['v1', iv.toString('base64url'), cipher.getAuthTag().toString('base64url'), encrypted.toString('base64url')].join('.')
}

/** The secret that `encryptSecret` encrypted. Throws if the key is another one or the text was changed. */
export function decryptSecret(text: string, key: Buffer): string {
  const [version, iv = '', tag = '', encrypted = ''] = text.split('.')
  if (version !== 'v1') throw new Error('unknown form of an encrypted secret')
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), { authTagLength: 16 })
  decipher.setAuthTag(Buffer.from(tag, 'base64url'))
  return Buffer.concat([decipher.update(Buffer.from(encrypted, 'base64url')), decipher.final()]).toString('utf8')
}
