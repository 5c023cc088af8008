import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'

import { Author, connect, subscribe } from './support/client.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

// The script builds, so it is only run where that has been done.
function reasonToSkip() {
  const built = path.join(root, 'build/release/parrhesia')
  return (process.env.RELAY_BINARY ?? built) !== built || !existsSync(built)
    ? 'the relay under test is not the one that scripts/cluster starts'
    : false
}

function isFree(port) {
  return new Promise(resolve => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

// The script takes BASE+1 to BASE+23 for three relays.
async function freePorts() {
  for (let base = 20_000 + (process.pid % 1000) * 30; ; base = 20_000 + ((base + 30) % 30_000)) {
    const free = await Promise.all(Array.from({ length: 24 }, (_, i) => isFree(base + i)))
    if (free.every(Boolean)) return base
  }
}

describe('scripts/cluster', { timeout: 600_000, skip: reasonToSkip() }, () => {
  let folder
  let script

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'parrhesia-e2e-'))
  })
  after(async () => {
    script?.child.kill('SIGTERM')
    await script?.exited
    await rm(folder, { recursive: true, force: true })
  })

  function start(...options) {
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('PARRHESIA_'))
    const child = spawn(path.join(root, 'scripts/cluster'), options, {
      env: { ...Object.fromEntries(environment), NO_APT: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let errors = ''
    child.stderr.on('data', chunk => (errors += chunk))
    const exited = new Promise(resolve => child.once('exit', (code, signal) => resolve(code ?? signal)))
    script = { child, exited, errors: () => errors }
    const lines = []
    const ready = new Promise((resolve, reject) => {
      readline.createInterface({ input: child.stdout }).on('line', line => {
        lines.push(line)
        if (line.startsWith('Ctrl-C')) resolve(lines)
      })
      exited.then(code => reject(new Error(`scripts/cluster ended with ${code}: ${errors}`)))
    })
    ready.catch(() => {}) // of those who only ask how it ended
    return ready
  }

  it('starts relays that are one, tells where they are, and ends them', async () => {
    const base = await freePorts()
    const lines = await start('3', '--data', folder, '--ports', String(base))
    const urls = lines.map(line => line.match(/^\d +(ws:\S+)/)?.[1]).filter(Boolean)
    assert.deepEqual(urls, [1, 2, 3].map(n => `ws://127.0.0.1:${base + n}`))

    const [writer, reader] = await Promise.all([connect(urls[0]), connect(urls[2])])
    const author = new Author()
    const live = await subscribe(reader, { authors: [author.pubkey], limit: 0 })
    const event = author.sign({ content: 'across' })
    await writer.publish(event)
    await live.until(events => events.length > 0)
    assert.equal(live.events[0].id, event.id)
    writer.close()
    reader.close()

    script.child.kill('SIGINT')
    assert.equal(await script.exited, 0)
    for (let n = 1; n <= 3; n += 1) assert.ok(await isFree(base + n), `relay ${n} has ended`)
  })

  it('refuses what it cannot do', async () => {
    for (const [options, words] of [
      [['9'], /9 relays: 1 to 8/],
      [['--ports', 'x'], /--ports x/],
      [['--wrong'], /unknown argument --wrong/],
    ]) {
      start(...options)
      assert.equal(await script.exited, 1)
      assert.match(script.errors(), words)
    }
  })
})
