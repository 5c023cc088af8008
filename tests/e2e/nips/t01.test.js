import { after, before, describe } from 'node:test'
import assert from 'node:assert/strict'
import net from 'node:net'

import { Author, RawClient, now } from '../support/client.js'
import { Relay } from '../support/relay.js'
import { SETTINGS, Conversation, idsOf, it, sorted, uniqueName } from './conversation.js'

const ANY_ID = 'ab'.repeat(32)

describe('NIP-01', { timeout: 120_000 }, () => {
  let relay
  let client
  let other

  before(async () => {
    relay = await Relay.start(SETTINGS)
    client = await Conversation.open(relay)
    other = await Conversation.open(relay)
  })
  after(async () => {
    client?.close()
    other?.close()
    await relay?.stop()
  })

  // Both clients have heard of everything that was published before.
  async function settle() {
    const event = new Author().sign({ kind: 20099 })
    const { name } = await other.request({ ids: [event.id], limit: 0 })
    await client.accept(event)
    await other.raw.find(([verb, id]) => verb === 'EVENT' && id === name)
  }

  it('T01.01 answers EVENT with an OK of four elements', async () => {
    const event = new Author().sign({ content: 'first' })
    assert.deepEqual(await client.raw.ask(['EVENT', event]), ['OK', event.id, true, ''])
  })

  it('T01.02 answers a duplicate with true, and delivers it once', async () => {
    const author = new Author()
    const { name } = await other.request({ authors: [author.pubkey] })
    const event = author.sign()
    await client.accept(event)
    const [accepted, text] = await client.publish(event)
    assert.equal(accepted, true)
    assert.match(text, /^duplicate: /)
    await settle()
    assert.equal(other.eventsOf(name).length, 1)
  })

  it('T01.03 refuses changed content under the old id and signature', async () => {
    const author = new Author()
    const { name } = await other.request({ authors: [author.pubkey] })
    const event = author.sign({ content: 'true' })
    await client.refuse({ ...event, content: 'trux' }, /^invalid: /)
    await settle()
    assert.deepEqual(other.eventsOf(name), [])
    assert.deepEqual((await client.request({ ids: [event.id] })).ids, [])
  })

  it('T01.04 refuses a signature of another key, and digits in upper case', async () => {
    const event = new Author().sign()
    await client.refuse({ ...event, sig: new Author().sign().sig }, /^invalid: /)
    for (const field of ['id', 'pubkey', 'sig']) {
      const changed = { ...event, [field]: event[field].toUpperCase().replace(/^\d+$/, 'A') }
      const from = client.raw.messages.length
      client.raw.send(['EVENT', changed])
      const answer = await client.raw.find(([verb]) => verb === 'OK' || verb === 'NOTICE', from)
      if (answer[0] === 'OK') assert.equal(answer[2], false)
      assert.match(answer.at(-1), /^invalid: /)
    }
  })

  it('T01.05 takes every way of spelling a string in JSON', async () => {
    const event = new Author().sign({ content: '\n"\\\r\t\b\f é/😀', tags: [['t', '\n"\\\ufdd1\u2028\x7f']] })
    const spelled = JSON.stringify(['EVENT', event])
      .replace('é/😀', '\\u00e9\\/\\ud83d\\ude00')
    assert.ok(spelled.includes('\\ud83d\\ude00'))
    const from = client.raw.messages.length
    client.raw.send(spelled)
    assert.deepEqual(await client.raw.find(([verb]) => verb === 'OK', from), ['OK', event.id, true, ''])
    const { events } = await client.request({ ids: [event.id] })
    assert.deepEqual(events[0], JSON.parse(JSON.stringify(event)))
  })

  it('T01.06 holds fields to their types and ranges', async () => {
    const author = new Author()
    await client.accept(author.sign({ kind: 65535 }), author.sign({ kind: 0 }))
    // Well signed, so that nothing but the field is wrong.
    await client.refuse(author.sign({ kind: 65536 }), /^invalid: .*"kind"/)
    await client.refuse(author.sign({ kind: -1 }), /^invalid: .*"kind"/)
    await client.refuse(author.sign({ kind: 1.5 }), /^invalid: .*"kind"/)
    await client.refuse(author.sign({ tags: [[]] }), /^invalid: .*"tags"/)
    await client.refuse(author.sign({ created_at: -1 }), /^invalid: .*"created_at"/)
    await client.refuse(author.sign({ created_at: 1.5 }), /^invalid: .*"created_at"/)
    // No client signs these: the reason shows that it is not the id that was found wrong.
    const event = author.sign()
    for (const [field, values] of Object.entries({
      kind: ['1', null, [1]],
      tags: [[['a', null]], [['a', 1]], [[['a']]], ['a'], {}, null],
      created_at: ['1', null],
      content: [1, null],
    })) {
      for (const value of values) {
        await client.refuse({ ...event, [field]: value }, new RegExp(`^invalid: .*"${field}"`))
      }
      const { [field]: _, ...without } = event
      await client.refuse(without, new RegExp(`^invalid: .*"${field}"`))
    }
  })

  it('T01.07 refuses filters with ids and keys that are not whole', async () => {
    const bad = [
      { ids: ['a'.repeat(63)] },
      { authors: ['ABCD'.repeat(16)] },
      { '#e': ['xyz'] },
      { '#p': ['01234567'] },
    ]
    for (const filter of bad) {
      const { end } = await client.request(filter)
      assert.equal(end[0], 'CLOSED')
      assert.match(end[2], /^invalid: /)
    }
  })

  it('T01.08 refuses subscription ids that are none, and goes on', async () => {
    for (const id of ['s'.repeat(65), '', 7]) {
      const from = client.raw.messages.length
      client.raw.send(['REQ', id, {}])
      const answer = await client.raw.find(
        ([verb]) => verb === 'CLOSED' || verb === 'NOTICE', from)
      assert.match(answer.at(-1), /^invalid: /)
    }
    assert.ok(await client.raw.isAlive())
  })

  it('T01.09 gives the newest first, and of one second the lowest id', async () => {
    const author = new Author()
    const time = now() - 100
    const events = [0, 1, 2, 2, 3].map(offset =>
      author.sign({ created_at: time + offset, content: uniqueName() }))
    await client.accept(...events)
    const ordered = [...events].sort((a, b) =>
      b.created_at - a.created_at || (a.id < b.id ? -1 : 1))
    const { ids, end } = await client.request({ authors: [author.pubkey], kinds: [1], limit: 3 })
    assert.deepEqual(ids, idsOf(ordered.slice(0, 3)))
    assert.equal(end[0], 'EOSE')
    const two = await client.request({ authors: [author.pubkey], kinds: [1], limit: 2 })
    assert.deepEqual(two.ids, idsOf(ordered.slice(0, 2)))
  })

  it('T01.10 counts stored events against a limit, never live ones', async () => {
    const author = new Author()
    await client.accept(author.sign({ content: 'a' }), author.sign({ content: 'b' }))
    const none = await other.request({ authors: [author.pubkey], limit: 0 })
    const two = await other.request({ authors: [author.pubkey], limit: 2 })
    assert.deepEqual(none.ids, [])
    assert.equal(two.ids.length, 2)
    const live = author.sign({ content: 'live' })
    await client.accept(live)
    for (const { name } of [none, two]) {
      await other.raw.find(
        ([verb, id, event]) => verb === 'EVENT' && id === name && event.id === live.id)
    }
  })

  it('T01.11 takes since and until as inclusive', async () => {
    const author = new Author()
    const time = now() - 50
    const events = [-1, 0, 1].map(offset => author.sign({ created_at: time + offset }))
    await client.accept(...events)
    const { ids } = await client.request({ authors: [author.pubkey], since: time, until: time })
    assert.deepEqual(ids, [events[1].id])
  })

  it('T01.12 sends an event once for several filters, and needs all conditions of one', async () => {
    const [a, b] = [new Author(), new Author()]
    const mine = a.sign()
    await client.accept(mine, b.sign(), a.sign({ kind: 2 }))
    const filter = { kinds: [1], authors: [a.pubkey] }
    const { ids } = await client.request(filter, { ids: [mine.id] }, filter)
    assert.deepEqual(ids, [mine.id])
  })

  it('T01.13 replaces a subscription of the same id, on its own connection only', async () => {
    const [a, b] = [new Author(), new Author()]
    const name = uniqueName()
    await client.requestAs(name, { authors: [a.pubkey] })
    await other.requestAs(name, { authors: [a.pubkey] })
    await client.requestAs(name, { authors: [b.pubkey] })
    const [ofA, ofB] = [a.sign(), b.sign()]
    await client.accept(ofA, ofB)
    await client.raw.find(([verb, id, event]) => verb === 'EVENT' && id === name && event.id === ofB.id)
    await other.raw.find(([verb, id, event]) => verb === 'EVENT' && id === name && event.id === ofA.id)
    await settle()
    assert.deepEqual(idsOf(client.eventsOf(name)), [ofB.id])
    assert.deepEqual(idsOf(other.eventsOf(name)), [ofA.id])
    assert.ok(!client.raw.messages.some(([verb, id]) => verb === 'CLOSED' && id === name))
  })

  it('T01.14 sends nothing after CLOSE, and nothing in answer to it', async () => {
    const author = new Author()
    const { name } = await other.request({ authors: [author.pubkey] })
    const from = other.raw.messages.length
    other.raw.send(['CLOSE', name])
    other.raw.send(['CLOSE', 'never opened'])
    await other.settle()
    await client.accept(author.sign())
    await settle()
    const heard = other.raw.messages.slice(from)
    assert.ok(!heard.some(([verb]) => verb === 'CLOSED' || verb === 'NOTICE'))
    assert.deepEqual(other.eventsOf(name), [])
  })

  it('T01.15 keeps the newest version of replaceable events, of one second the lowest id', async () => {
    for (const kind of [0, 3, 10002]) {
      const author = new Author()
      const newer = author.sign({ kind, created_at: 10 })
      await client.accept(newer)
      await client.refuse(author.sign({ kind, created_at: 9 }), /^duplicate: /)
      const stored = async () =>
        (await client.request({ kinds: [kind], authors: [author.pubkey] })).ids
      assert.deepEqual(await stored(), [newer.id])

      const ties = [1, 2, 3].map(() => author.sign({ kind, created_at: 11, content: uniqueName() }))
      const [lowest, middle, highest] = ties.sort((a, b) => (a.id < b.id ? -1 : 1))
      await client.accept(middle)
      await client.refuse(highest, /^duplicate: /)
      assert.deepEqual(await stored(), [middle.id])
      await client.accept(lowest)
      await client.refuse(middle, /^duplicate: /)
      assert.deepEqual(await stored(), [lowest.id])
    }
  })

  it('T01.16 tells addressable events apart by author, kind and the first d', async () => {
    const author = new Author()
    const stored = async kind =>
      sorted((await client.request({ kinds: [kind], authors: [author.pubkey] })).ids)
    const version = (kind, tags, created_at, from = author) => from.sign({ kind, tags, created_at })
    const a = version(30023, [['d', 'a']], 100)
    const b = version(30023, [['d', 'b']], 100)
    const otherKind = version(30024, [['d', 'a']], 100)
    await client.accept(a, b, otherKind, version(30023, [['d', 'a']], 200, new Author()))
    assert.deepEqual(await stored(30023), sorted(idsOf([a, b])))
    assert.deepEqual(await stored(30024), [otherKind.id])

    let last
    for (const [step, tags] of [[], [['d']], [['d', '']], [['d', '', 'x']]].entries()) {
      last = version(30025, tags, 100 + step)
      await client.accept(last)
    }
    assert.deepEqual(await stored(30025), [last.id])
    const x = version(30026, [['d', 'x'], ['d', 'y']], 100)
    const y = version(30026, [['d', 'y']], 99)
    const again = version(30026, [['d', 'x']], 101)
    await client.accept(x, y, again)
    assert.deepEqual(await stored(30026), sorted(idsOf([y, again])))
    const tie = [1, 2].map(() => author.sign({ kind: 30027, created_at: 100, content: uniqueName() }))
    const [low, high] = tie.sort((a, b) => (a.id < b.id ? -1 : 1))
    await client.accept(high, low)
    await client.refuse(high, /^duplicate: /)
    assert.deepEqual(await stored(30027), [low.id])
  })

  it('T01.17 stores kinds that no class names as regular ones', async () => {
    const author = new Author()
    for (const kind of [45, 62, 64, 78, 443, 445, 999, 40000]) {
      const tags = kind === 62 ? [['relay', 'wss://elsewhere.example']] : [['h', 'g']]
      const two = ['a', 'b'].map(content => author.sign({ kind, tags, content }))
      await client.accept(...two)
      const { ids } = await client.request({ kinds: [kind], authors: [author.pubkey] })
      assert.deepEqual(sorted(ids), sorted(idsOf(two)), `kind ${kind}`)
    }
  })

  it('T01.18 delivers ephemeral events and stores nothing of them', async () => {
    const author = new Author()
    const { name } = await other.request({ kinds: [20001], authors: [author.pubkey] })
    const event = author.sign({ kind: 20001 })
    await client.accept(event)
    await other.raw.find(([verb, id]) => verb === 'EVENT' && id === name)
    const later = await client.request({ kinds: [20001], authors: [author.pubkey] })
    assert.deepEqual(later.ids, [])
    const unheard = new Author().sign({ kind: 20001 })
    assert.deepEqual(await client.publish(unheard), [true, ''])

    const strict = await Relay.start({ ...SETTINGS, 'relay.mute_unheard': true })
    try {
      const sender = await Conversation.open(strict)
      await sender.refuse(unheard, /^mute: /)
      await sender.request({ kinds: [20001] })
      await sender.accept(new Author().sign({ kind: 20001 }))
      sender.close()
    } finally {
      await strict.stop()
    }
  })

  it('T01.19 matches tags by letter, case and first value', async () => {
    const author = new Author()
    const event = author.sign({
      tags: [['e', ANY_ID, 'third'], ['t', 'one', 'two'], ['t', 'three']],
    })
    await client.accept(event)
    const matches = async filter =>
      (await client.request({ authors: [author.pubkey], ...filter })).ids.length === 1
    assert.ok(await matches({ '#e': [ANY_ID] }))
    assert.ok(await matches({ '#t': ['three'] }))
    assert.ok(!(await matches({ '#E': [ANY_ID] })))
    assert.ok(!(await matches({ '#t': ['two'] })))
  })

  it('T01.20 has one endpoint', async () => {
    await assert.rejects(RawClient.open(`${relay.url}/x`), /40[04]/)
    const answer = await fetch(`${relay.httpUrl}/x`, {
      headers: { accept: 'application/nostr+json' },
    })
    assert.equal(answer.status, 404)
    const raw = await RawClient.open(`${relay.url}/`)
    assert.ok(await raw.isAlive())
    raw.close()
  })

  it('T01.21 refuses a REQ by CLOSED, after which its id is free', async () => {
    const name = uniqueName()
    const refused = await client.requestAs(name, { kinds: [4] })
    assert.equal(refused.end[0], 'CLOSED')
    assert.equal((await client.requestAs(name, { kinds: [1], limit: 0 })).end[0], 'EOSE')
  })

  it('T01.22 survives what is no message', async () => {
    for (const text of ['["NOPE"]', '{}', '[', '"x"', '', '['.repeat(1_000_000)]) {
      const sender = await RawClient.open(relay.url)
      sender.send(text)
      const answer = await Promise.race([
        sender.find(([verb]) => verb === 'NOTICE'),
        sender.untilClosed(),
      ]).catch(() => undefined)
      assert.ok(answer || sender.closed)
      sender.close()
    }
    const half = net.connect(new URL(relay.url).port, '127.0.0.1')
    half.write('GET / HTTP/1.1\r\nHost: x\r\n')
    half.destroy()
    assert.ok(await client.raw.isAlive())
    assert.ok(await other.raw.isAlive())
  })
})
