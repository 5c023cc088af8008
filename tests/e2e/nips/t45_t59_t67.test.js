import { after, before, describe } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'

import { Author, now } from '../support/client.js'
import { Relay } from '../support/relay.js'
import { SETTINGS, Conversation, addressed, it, uniqueName, wrap } from './conversation.js'

// NIP-45, from its text: the registers for an offset.
function hyperLogLog(offset, pubkeys) {
  const registers = new Uint8Array(256)
  for (const pubkey of pubkeys) {
    const bytes = Buffer.from(pubkey, 'hex')
    let zeros = 0
    for (let at = offset + 1; at < 32; at += 1) {
      zeros += Math.clz32(bytes[at]) - 24
      if (bytes[at] !== 0) break
    }
    const register = bytes[offset]
    registers[register] = Math.max(registers[register], zeros + 1)
  }
  return Buffer.from(registers).toString('hex')
}

describe('NIP-45, NIP-59 and NIP-67', { timeout: 120_000 }, () => {
  let relay
  let client

  before(async () => {
    relay = await Relay.start({ ...SETTINGS, 'limits.default_limit': 20, 'limits.max_limit': 50 })
    client = await Conversation.open(relay)
  })
  after(async () => {
    client?.close()
    await relay?.stop()
  })

  async function publishNotes(author, count) {
    for (let i = 0; i < count; i += 1) {
      await client.accept(author.sign({ created_at: now() - 1000 + i, content: uniqueName() }))
    }
  }

  it('T45.01 counts each event once, and is no subscription', async () => {
    const author = new Author()
    const filter = { authors: [author.pubkey] }
    await publishNotes(author, 3)
    const from = client.raw.messages.length
    const [, , answer] = await client.count({ ...filter, kinds: [1] }, { ...filter, limit: 1 })
    assert.deepEqual(answer, { count: 3 })
    await publishNotes(author, 1)
    await client.settle()
    const verbs = client.raw.messages.slice(from).map(([verb]) => verb)
    assert.deepEqual(verbs, ['COUNT', 'OK', 'EOSE'], 'the EOSE is of settle()')
    assert.deepEqual((await client.count({ ...filter, limit: 1 }))[2], { count: 4 })
    const [verb, , text] = await client.count({ kinds: ['x'] })
    assert.equal(verb, 'CLOSED')
    assert.match(text, /^invalid: /)
  })

  it('T45.02 counts nobody else\'s letters', async () => {
    const recipient = new Author()
    await client.accept(wrap(recipient))
    const filter = { kinds: [1059], '#p': [recipient.pubkey] }
    const stranger = await Conversation.open(relay)
    const [verb, , text] = await stranger.count(filter)
    assert.equal(verb, 'CLOSED')
    assert.match(text, /^auth-required: /)
    await stranger.authenticate(new Author())
    assert.equal((await stranger.count(filter))[2].count, 0)
    await stranger.authenticate(recipient)
    assert.equal((await stranger.count(filter))[2].count, 1)
    stranger.close()
  })

  it('T45.03 adds a HyperLogLog where a filter names one value of one tag', async () => {
    const note = new Author().sign({ content: uniqueName() })
    await client.accept(note)
    const likers = Array.from({ length: 40 }, () => new Author())
    for (const liker of [...likers, likers[0]]) {
      await client.accept(liker.sign({ kind: 7, tags: [['e', note.id]], content: uniqueName() }))
    }
    const offset = Number.parseInt(note.id[32], 16) + 8
    const [, , answer] = await client.count({ '#e': [note.id], kinds: [7] })
    assert.equal(answer.count, 41)
    assert.equal(answer.hll, hyperLogLog(offset, likers.map(liker => liker.pubkey)))
    const tag = { '#e': [note.id], kinds: [7] }
    for (const filters of [
      [{ kinds: [1], authors: [note.pubkey] }],
      [tag, tag],
      [{ ...tag, '#e': [note.id, 'ab'.repeat(32)] }],
      [{ ...tag, '#p': [note.pubkey] }],
    ]) {
      assert.equal((await client.count(...filters))[2].hll, undefined, JSON.stringify(filters))
    }
  })

  it('T45.03 takes the offset from a key, from the key in an address, or from a hash', async () => {
    const followed = new Author()
    const topic = `topic ${uniqueName()} ${followed.pubkey}`
    const address = `30023:${followed.pubkey}:${topic}`
    const offsetOf = hex => Number.parseInt(hex[32], 16) + 8
    const hash = createHash('sha256').update(topic).digest('hex')
    const tags = [['p', followed.pubkey], ['a', address], ['t', topic]]
    const fans = Array.from({ length: 10 }, () => new Author())
    for (const fan of fans) await client.accept(fan.sign({ kind: 1111, tags }))
    for (const [name, value, offset] of [
      ['#p', followed.pubkey, offsetOf(followed.pubkey)],
      ['#a', address, offsetOf(followed.pubkey)],
      ['#t', topic, offsetOf(hash)],
    ]) {
      const [, , answer] = await client.count({ [name]: [value], kinds: [1111] })
      const expected = hyperLogLog(offset, fans.map(fan => fan.pubkey))
      assert.deepEqual([answer.count, answer.hll], [10, expected], name)
    }
  })

  it('T59.01 shows a letter to nobody but its recipient', async () => {
    const [sender, recipient, stranger] = [new Author(), new Author(), new Author()]
    const letters = [wrap(recipient), addressed(sender, 4, [recipient])]
    const nobody = await Conversation.open(relay)
    const live = await nobody.request({ '#p': [recipient.pubkey] })
    await client.accept(...letters)
    for (const kinds of [[1059], [4], [1, 1059]]) {
      for (const filter of [{ kinds }, { kinds, '#p': [recipient.pubkey] }]) {
        const { end, ids } = await nobody.request(filter)
        assert.deepEqual(ids, [])
        assert.match(end[2], /^auth-required: /)
      }
    }
    for (const filter of [
      { ids: letters.map(event => event.id) }, { '#p': [recipient.pubkey] },
    ]) {
      assert.deepEqual((await nobody.request(filter)).ids, [])
    }
    await nobody.settle()
    assert.deepEqual(nobody.eventsOf(live.name), [])

    await nobody.authenticate(stranger)
    assert.deepEqual((await nobody.request({ kinds: [4, 1059] })).ids, [])
    await nobody.authenticate(recipient)
    assert.equal((await nobody.request({ kinds: [4, 1059] })).ids.length, 2)
    nobody.close()
  })

  it('T59.02 takes a wrap that is dated two days back', async () => {
    await client.accept(wrap(new Author(), { created_at: now() - 2 * 86400 }))
  })

  it('T59.03 delivers ephemeral wraps to their recipient, and stores nothing', async () => {
    const recipient = new Author()
    const [mine, strangers] = [await Conversation.open(relay), await Conversation.open(relay)]
    await mine.authenticate(recipient)
    await strangers.authenticate(new Author())
    const here = await mine.request({ kinds: [21059] })
    const there = await strangers.request({ kinds: [21059] }, { '#p': [recipient.pubkey] })
    const event = addressed(new Author(), 21059, [recipient])
    await client.accept(event)
    await mine.raw.find(([verb, id]) => verb === 'EVENT' && id === here.name)
    const marker = new Author().sign({ kind: 20001, tags: [['p', recipient.pubkey]] })
    await client.accept(marker)
    await strangers.raw.find(([verb, , heard]) => verb === 'EVENT' && heard.id === marker.id)
    assert.deepEqual(strangers.eventsOf(there.name).map(heard => heard.id), [marker.id])
    assert.deepEqual((await mine.request({ kinds: [21059] })).ids, [])
    assert.deepEqual((await mine.request({ ids: [event.id] })).ids, [])
    mine.close()
    strangers.close()
  })

  it('T67.01 says whether anything was left out', async () => {
    const author = new Author()
    const filter = { authors: [author.pubkey] }
    await publishNotes(author, 3)
    assert.deepEqual((await client.request({ ...filter, limit: 10 })).end[2], ['finish'])
    await publishNotes(author, 7)
    assert.deepEqual((await client.request({ ...filter, limit: 10 })).end[2], ['finish'])
    await publishNotes(author, 1)
    assert.deepEqual((await client.request({ ...filter, limit: 10 })).end[2], ['more'])
    const none = (await client.request({ ...filter, limit: 0 })).end
    assert.equal(none.length, 2)
  })

  it('T67.02 is honest about caps and about several filters', async () => {
    const [many, few] = [new Author(), new Author()]
    await publishNotes(many, 21)
    await publishNotes(few, 2)
    const capped = (await client.request({ authors: [many.pubkey] })).end
    assert.notDeepEqual(capped[2], ['finish'])
    const { end } = await client.request(
      { authors: [few.pubkey], limit: 5 }, { authors: [many.pubkey], limit: 5 })
    assert.notDeepEqual(end[2], ['finish'])
    const { ids } = await client.request({ authors: [few.pubkey] })
    assert.deepEqual((await client.request({ ids })).end[2], ['finish'])
  })

  it('T67.02 does not tell of what is withheld', async () => {
    const author = new Author()
    const letter = addressed(author, 4, [new Author()])
    await publishNotes(author, 3)
    await client.accept(letter)
    const filter = { authors: [author.pubkey], limit: 3 }
    const reader = await Conversation.open(relay)
    assert.deepEqual((await reader.request(filter)).end[2], ['finish'])
    const hidden = (await reader.request({ ids: [letter.id] })).end
    const unknown = (await reader.request({ ids: ['ab'.repeat(32)] })).end
    assert.deepEqual(hidden.slice(2), unknown.slice(2))
    await reader.authenticate(author)
    assert.deepEqual((await reader.request(filter)).end[2], ['more'], 'the author sees all four')
    reader.close()
  })
})
