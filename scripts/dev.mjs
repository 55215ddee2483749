// `npm run dev`: hawker start, restarted whenever a source changes. The data stays.
import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { join } from 'node:path'
import { flags, root } from './node.mjs'

let child
let again = false
let timer

function begin() {
  child = spawn(process.execPath, [...flags, join(root, 'server/bin/hawker.mjs'), 'start'], { stdio: 'inherit' })
  child.once('exit', (code) => {
    child = undefined
    if (again) {
      again = false
      begin()
    } else process.stderr.write(`hawker ended with code ${code}; waiting for a change.\n`)
  })
}

watch(join(root, 'server/src'), { recursive: true }, (_event, file) => {
  if (!file || file.endsWith('.test.ts')) return
  clearTimeout(timer)
  timer = setTimeout(() => {
    if (!child) return begin()
    again = true
    child.kill('SIGTERM')
  }, 150)
})
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (!child) process.exit(0)
    child.once('exit', () => process.exit(0))
    child.kill(signal)
  })
}
begin()
