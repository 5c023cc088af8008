import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Author, now } from './support/client.js'
import { Relay, run } from './support/relay.js'

const jsonl = events => events.map(event => JSON.stringify(event) + '\n').join('')
const idsIn = text => text.split('\n').filter(Boolean).map(line => JSON.parse(line).id)

describe('the command line', { timeout: 60_000 }, () => {
  let folder
  let settings
  const author = new Author()
  const start = now() - 100
  const events = Array.from({ length: 20 }, (_, i) =>
    author.sign({ kind: i % 2 ? 1 : 1111, created_at: start + i, content: `line ${i}` }))
  const newestFirst = events.map(({ id }) => id).reverse()

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'parrhesia-e2e-'))
    settings = { 'store.path': folder }
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('imports events, and names the line and the reason of what it refuses', async () => {
    const forged = { ...events[0], content: 'forged' }
    const input = `${jsonl(events.slice(0, 2))}${JSON.stringify(forged)}\nnot json\n${jsonl(events.slice(2))}`
    const { code, stderr } = await run(['import', '-'], { settings, input })
    assert.equal(code, 2, stderr)
    assert.match(stderr, /line 3\b/)
    assert.match(stderr, /line 4\b/)
    assert.doesNotMatch(stderr, /line [125]:/)
  })

  it('imports the same again without harm', async () => {
    const { code, stderr } = await run(['import', '-'], { settings, input: jsonl(events) })
    assert.equal(code, 0, stderr)
    const { stdout } = await run(['scan', '--count', '{}'], { settings })
    assert.equal(stdout.trim(), '20')
  })

  it('exports everything, newest first, as it was signed', async () => {
    const { code, stdout } = await run(['export'], { settings })
    assert.equal(code, 0)
    assert.deepEqual(idsIn(stdout), newestFirst)
    const [first] = stdout.split('\n').map(line => line && JSON.parse(line))
    assert.deepEqual(first, JSON.parse(JSON.stringify(events.at(-1))))
  })

  it('scans by filter', async () => {
    const filter = JSON.stringify({ kinds: [1], limit: 3 })
    const { code, stdout } = await run(['scan', filter], { settings })
    assert.equal(code, 0)
    assert.deepEqual(idsIn(stdout), newestFirst.filter((_, i) => i % 2 === 0).slice(0, 3))
  })

  it('serves by websocket what was imported, and lets no second writer in', async () => {
    const relay = await Relay.start(settings)
    try {
      const { code, stderr } = await run(['import', '-'], { settings, input: jsonl(events) })
      assert.notEqual(code, 0)
      assert.match(stderr, new RegExp(folder.replaceAll('.', '\\.')), 'the folder is named')
    } finally {
      await relay.terminate()
    }
  })

  it('refuses an unknown setting and names the nearest one', async () => {
    const { code, stderr } = await run(['relay'], { settings: { ...settings, 'relay.prot': 7000 } })
    assert.equal(code, 78)
    assert.match(stderr, /relay\.port/)
  })

  it('refuses a port out of range with what was expected', async () => {
    const { code, stderr } = await run(['config', 'check'], { settings: { 'relay.port': 70000 } })
    assert.equal(code, 78)
    assert.match(stderr, /65535/)
  })

  it('knows wrong usage from wrong configuration', async () => {
    assert.equal((await run(['fly'])).code, 64)
    assert.equal((await run(['config', 'check'])).code, 0)
    assert.equal((await run(['version'])).code, 0)
    assert.equal((await run(['--help'])).code, 0)
  })
})
