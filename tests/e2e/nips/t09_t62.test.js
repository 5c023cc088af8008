import { after, before, describe } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Author, now } from '../support/client.js'
import { Relay, run } from '../support/relay.js'
import { PUBLIC_URL, SETTINGS, Conversation, it, sorted, uniqueName, wrap } from './conversation.js'

describe('NIP-09 and NIP-62', { timeout: 120_000 }, () => {
  let relay
  let client

  before(async () => {
    relay = await Relay.start(SETTINGS)
    client = await Conversation.open(relay)
  })
  after(async () => {
    client?.close()
    await relay?.stop()
  })

  function deletion(author, tags, more = {}) {
    return author.sign({ kind: 5, tags, ...more })
  }

  async function isStored(event, reader = client) {
    return (await reader.request({ ids: [event.id] })).ids.length === 1
  }

  async function stop(how) {
    client.close()
    if (how === 'kill') await relay.kill()
    else assert.equal(await relay.terminate(), 0)
    await relay.startAgain()
    client = await Conversation.open(relay)
  }

  it('T09.01 removes an own event from every answer, and keeps the request', async () => {
    const author = new Author()
    const note = author.sign({ tags: [['t', 'topic']], content: uniqueName() })
    await client.accept(note)
    const request = deletion(author, [['e', note.id], ['k', '1']])
    await client.accept(request)
    for (const filter of [
      { ids: [note.id] },
      { authors: [author.pubkey], kinds: [1] },
      { '#t': ['topic'], authors: [author.pubkey] },
    ]) {
      assert.deepEqual((await client.request(filter)).ids, [])
      assert.equal((await client.count(filter))[2].count, 0)
    }
    assert.ok(await isStored(request))
    await client.refuse(note, /^blocked: /)
    for (const how of ['term', 'kill']) {
      await stop(how)
      assert.ok(!(await isStored(note)))
      assert.ok(await isStored(request))
      await client.refuse(note, /^blocked: /)
    }
  })

  it('T09.02 leaves the events of others alone', async () => {
    const [a, b] = [new Author(), new Author()]
    const note = a.sign()
    const request = deletion(b, [['e', note.id]])
    await client.accept(note, request)
    assert.ok(await isStored(note))
    assert.ok(await isStored(request))
  })

  it('T09.03 removes versions of an address up to its own time', async () => {
    const author = new Author()
    const version = (created_at, d = 'x') =>
      author.sign({ kind: 30023, created_at, tags: [['d', d]], content: uniqueName() })
    const address = `30023:${author.pubkey}:x`
    const other = version(95, 'y')
    await client.accept(version(90), version(100), other)
    await client.accept(deletion(author, [['a', address]], { created_at: 100 }))
    const stored = async () =>
      (await client.request({ kinds: [30023], authors: [author.pubkey] })).ids
    assert.deepEqual(await stored(), [other.id])
    await client.refuse(version(95), /^blocked: /)
    await client.refuse(version(100), /^blocked: /)
    const newer = version(101)
    await client.accept(newer)
    await client.refuse(version(95), /^(blocked|duplicate): /)
    await client.accept(deletion(author, [['a', address]], { created_at: 100 }))
    assert.ok((await stored()).includes(newer.id), 'what is newer survives')
    const newest = version(105)
    await client.accept(newest)
    assert.deepEqual(sorted(await stored()), sorted([newest.id, other.id]))
  })

  it('T09.04 removes replaceable events by an address with a trailing colon', async () => {
    for (const kind of [0, 3, 10002]) {
      const author = new Author()
      const event = author.sign({ kind, created_at: now() - 10 })
      await client.accept(event, deletion(author, [['a', `${kind}:${author.pubkey}:`]]))
      assert.ok(!(await isStored(event)), `kind ${kind}`)
      await client.refuse(event, /^blocked: /)
    }
  })

  it('T09.05 blocks what comes after its deletion, if the author is the same', async () => {
    const [a, b] = [new Author(), new Author()]
    const note = a.sign({ content: uniqueName() })
    await client.accept(deletion(a, [['e', note.id]]))
    await client.refuse(note, /^blocked: /)
    const second = a.sign({ content: uniqueName() })
    await client.accept(deletion(b, [['e', second.id]]), second)
    assert.ok(await isStored(second))
  })

  it('T09.06 does not delete deletions', async () => {
    const author = new Author()
    const note = author.sign()
    await client.accept(note)
    const request = deletion(author, [['e', note.id]])
    const second = deletion(author, [['e', request.id]])
    await client.accept(request, second)
    assert.ok(await isStored(request))
    assert.ok(await isStored(second))
    await client.refuse(note, /^blocked: /)
  })

  it('T09.07 lets a recipient delete a gift wrap', async () => {
    const [recipient, stranger] = [new Author(), new Author()]
    const reader = await Conversation.open(relay)
    await reader.authenticate(recipient)
    const event = wrap(recipient)
    await client.accept(event, deletion(stranger, [['e', event.id]]))
    assert.ok(await isStored(event, reader))
    // What names its author in a p tag is no letter to him that he could take back.
    const mention = new Author().sign({ tags: [['p', recipient.pubkey]], content: uniqueName() })
    await client.accept(mention, deletion(recipient, [['e', mention.id]]))
    assert.ok(await isStored(mention))
    await client.accept(deletion(recipient, [['e', event.id], ['k', '1059']]))
    assert.ok(!(await isStored(event, reader)))
    await client.refuse(event, /^blocked: /)
    reader.close()
  })

  it('T09.08 does nothing for an address of another author', async () => {
    const [a, b] = [new Author(), new Author()]
    const event = a.sign({ kind: 30023, created_at: now() - 10, tags: [['d', 'x']] })
    await client.accept(event, deletion(b, [['a', `30023:${a.pubkey}:x`]]))
    assert.ok(await isStored(event))
  })

  // All of an author's kinds, before the time of a request to vanish.
  function lifeOf(author, time) {
    return [
      ...[0, 3, 10002].map(kind => author.sign({ kind, created_at: time })),
      author.sign({ kind: 30023, created_at: time, tags: [['d', 'x']] }),
      author.sign({ kind: 5, created_at: time, tags: [['e', 'ab'.repeat(32)]] }),
      author.sign({ created_at: time, content: 'a' }),
      author.sign({ created_at: time, content: 'b' }),
    ]
  }

  it('T62.01 removes everything of the pubkey up to its time, and keeps it out', async () => {
    const author = new Author()
    const reader = await Conversation.open(relay)
    await reader.authenticate(author)
    const time = now() - 10
    const old = lifeOf(author, time)
    const letter = wrap(author, { created_at: now() - 1000 })
    await client.accept(...old, letter)
    assert.ok(await isStored(letter, reader))
    const request = author.sign({ kind: 62, created_at: time, tags: [['relay', PUBLIC_URL]] })
    await client.accept(request)

    assert.deepEqual((await client.request({ authors: [author.pubkey] })).ids, [request.id])
    for (const event of old) {
      assert.ok(!(await isStored(event)))
      await client.refuse(event, /^blocked: /)
    }
    assert.ok(!(await isStored(letter, reader)))
    await client.refuse(letter, /^blocked: /)
    await client.accept(author.sign({ created_at: time + 1 }), wrap(author, { created_at: time - 5 }))
    reader.close()
  })

  it('T62.02 heeds ALL_RELAYS and its own address in any spelling, and no other', async () => {
    const time = now() - 10
    for (const value of ['ALL_RELAYS', 'WSS://Relay.Example:443/']) {
      const author = new Author()
      const note = author.sign({ created_at: time })
      await client.accept(note)
      await client.accept(author.sign({
        kind: 62,
        created_at: time,
        tags: [['relay', 'wss://elsewhere.example'], ['relay', value]],
      }))
      assert.ok(!(await isStored(note)), value)
    }
    for (const value of ['all_relays', 'wss://elsewhere.example', 'relay.example']) {
      const author = new Author()
      const note = author.sign({ created_at: time })
      await client.accept(note)
      await client.accept(author.sign({ kind: 62, created_at: time, tags: [['relay', value]] }))
      assert.ok(await isStored(note), value)
    }
    await client.refuse(new Author().sign({ kind: 62 }), /^invalid: /)
  })

  it('T62.03 is honoured for those who are banned, without AUTH and without work', async () => {
    const banned = new Author()
    const note = banned.sign({ created_at: now() - 20 })
    const folder = await mkdtemp(path.join(tmpdir(), 'parrhesia-vanish-'))
    const settings = { ...SETTINGS, 'store.path': folder }
    let before
    let strict
    try {
      before = await Relay.start(settings)
      const earlier = await Conversation.open(before)
      await earlier.accept(note)
      earlier.close()
      assert.equal(await before.terminate(), 0)

      strict = await Relay.start({
        ...settings,
        'auth.write': 'allowed',
        'auth.denied_pubkeys': banned.pubkey,
        'limits.min_pow_difficulty': 100,
        'limits.denied_kinds': '62',
      })
      const conversation = await Conversation.open(strict)
      assert.ok(await isStored(note, conversation))
      await conversation.refuse(banned.sign(), /^(pow|blocked|auth-required): /)
      await conversation.accept(banned.sign({ kind: 62, tags: [['relay', 'ALL_RELAYS']] }))
      assert.ok(!(await isStored(note, conversation)))
      conversation.close()
    } finally {
      await before?.stop()
      await strict?.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('T62.03 cannot be deleted, and outlives restarts and imports', async () => {
    const author = new Author()
    const time = now() - 10
    const old = lifeOf(author, time)
    await client.accept(...old)
    const request = author.sign({ kind: 62, created_at: time, tags: [['relay', 'ALL_RELAYS']] })
    await client.accept(request, deletion(author, [['e', request.id]]))
    assert.ok(await isStored(request))
    await stop('kill')
    for (const event of old) assert.ok(!(await isStored(event)))
    assert.ok(await isStored(request))

    client.close()
    await relay.terminate()
    const folder = await mkdtemp(path.join(tmpdir(), 'parrhesia-import-'))
    try {
      const file = path.join(folder, 'old.jsonl')
      await writeFile(file, old.map(event => JSON.stringify(event) + '\n').join(''))
      const { code, stdout } = await run(['import', file], {
        settings: { 'store.path': relay.storeFolder, ...SETTINGS },
      })
      assert.equal(code, 0, stdout)
      assert.match(stdout, / 0 stored/)
    } finally {
      await rm(folder, { recursive: true })
    }
    await relay.startAgain()
    client = await Conversation.open(relay)
    for (const event of old) {
      assert.ok(!(await isStored(event)))
      await client.refuse(event, /^blocked: /)
    }
  })
})
