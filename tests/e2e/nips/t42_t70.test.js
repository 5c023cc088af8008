import { after, before, describe } from 'node:test'
import assert from 'node:assert/strict'

import { Author, now } from '../support/client.js'
import { Relay } from '../support/relay.js'
import { PUBLIC_URL, SETTINGS, Conversation, addressed, idsOf, it, sorted, uniqueName } from './conversation.js'

describe('NIP-42 and NIP-70', { timeout: 60_000 }, () => {
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

  it('T42.01 authenticates by the right event, and by no other', async () => {
    const author = new Author()
    const asks = async () => (await client.request({ kinds: [4] })).end[0]
    const neighbour = await Conversation.open(relay)
    const challenge = await client.challenge()
    assert.notEqual(await neighbour.challenge(), challenge)
    const bad = [
      await client.authEvent(author, { challenge: 'another' }),
      await client.authEvent(author, { challenge: await neighbour.challenge() }),
      await client.authEvent(author, { tags: [['relay', PUBLIC_URL]] }),
      await client.authEvent(author, { tags: [['challenge', challenge]] }),
      await client.authEvent(author, { tags: [] }),
      await client.authEvent(author, { relay: 'wss://elsewhere.example' }),
      await client.authEvent(author, { kind: 1 }),
      await client.authEvent(author, { created_at: now() - 11 * 60 }),
      await client.authEvent(author, { created_at: now() + 11 * 60 }),
    ]
    const good = await client.authEvent(author)
    bad.push({ ...good, sig: new Author().sign().sig })
    for (const event of bad) {
      const [accepted, text] = await client.sendAuth(event)
      assert.equal(accepted, false)
      assert.match(text, /^invalid: /)
      assert.equal(await asks(), 'CLOSED')
    }
    assert.deepEqual(await client.sendAuth(good), [true, ''])
    assert.equal(await asks(), 'EOSE')
    assert.equal(client.raw.messages.filter(([verb]) => verb === 'AUTH').length, 1)
    neighbour.close()
  })

  it('T42.02 counts every key that has authenticated', async () => {
    const [a, b, sender] = [new Author(), new Author(), new Author()]
    const both = await Conversation.open(relay)
    await both.authenticate(a)
    await both.authenticate(b)
    await both.accept(a.sign({ tags: [['-']] }), b.sign({ tags: [['-']] }))
    const letters = [addressed(sender, 4, [a]), addressed(sender, 4, [b])]
    await both.accept(...letters)
    const { ids } = await both.request({ kinds: [4] })
    assert.deepEqual(sorted(ids), sorted(idsOf(letters)))
    both.close()
  })

  it('T42.03 keeps it to the connection, and never publishes kind 22242', async () => {
    const author = new Author()
    const [one, two] = [await Conversation.open(relay), await Conversation.open(relay)]
    const listening = await two.request({ kinds: [22242, 20097] })
    assert.deepEqual([listening.end[0], listening.ids], ['EOSE', []])
    await one.authenticate(author)
    assert.equal((await two.request({ kinds: [4] })).end[0], 'CLOSED')
    await one.refuse(await one.authEvent(author), /^blocked: /)
    const marker = author.sign({ kind: 20097 })
    await one.accept(marker)
    await two.raw.find(([verb, id, event]) =>
      verb === 'EVENT' && id === listening.name && event.id === marker.id)
    assert.deepEqual(idsOf(two.eventsOf(listening.name)), [marker.id])
    assert.deepEqual((await two.request({ kinds: [22242] })).ids, [])
    one.close()
    two.close()
  })

  it('T42.04 knows its own address in every spelling', async () => {
    for (const url of ['wss://RELAY.example:443/', 'wss://relay.example', 'WSS://relay.example/']) {
      const [accepted, text] = await client.sendAuth(
        await client.authEvent(new Author(), { relay: url }))
      assert.ok(accepted, `${url}: ${text}`)
    }
    for (const url of ['wss://relay.example.org', 'wss://example', 'relay.example']) {
      const [accepted] = await client.sendAuth(
        await client.authEvent(new Author(), { relay: url }))
      assert.equal(accepted, false, url)
    }
  })

  it('T70.01 takes a protected event from its authenticated author only', async () => {
    const [author, stranger] = [new Author(), new Author()]
    const event = author.sign({ tags: [['-']] })
    const conversation = await Conversation.open(relay)
    await conversation.refuse(event, /^auth-required: /)
    const verbs = conversation.raw.messages.map(([verb]) => verb)
    assert.deepEqual(verbs, ['AUTH', 'OK'], 'the challenge comes first')
    await conversation.authenticate(stranger)
    await conversation.refuse(event, /^restricted: /)
    await conversation.authenticate(author)
    await conversation.accept(event)
    // What a third party holds of it is no way in, and a tag with more items protects as well.
    await client.refuse(author.sign({ tags: [['-']] }), /^(auth-required|restricted): /)
    await client.refuse(author.sign({ tags: [['-', 'x']] }), /^(auth-required|restricted): /)
    conversation.close()
  })

  it('T70.02 refuses a repost that embeds one', async () => {
    const author = new Author()
    const content = JSON.stringify(new Author().sign({ tags: [['-']] }))
    for (const kind of [6, 16]) {
      await client.refuse(author.sign({ kind, content }), /^blocked: /)
      await client.refuse(
        author.sign({ kind, content: content.replace('["-"]', '[ "-" ]') }), /^blocked: /)
      await client.refuse(
        author.sign({ kind, content: content.replace('"-"', '"\\u002d"') }), /^blocked: /)
      const open = JSON.stringify(new Author().sign({ tags: [['t', '-']] }))
      await client.accept(author.sign({ kind, content: open }))
      await client.accept(author.sign({ kind, content: '', tags: [['e', 'ab'.repeat(32)]] }))
    }
    await client.accept(author.sign({ content: `["-"] ${uniqueName()}` }))
  })
})

describe('who may read and write', { timeout: 60_000 }, () => {
  it('follows the operator: members, senders of some kinds, and those who are not wanted', async () => {
    const [member, stranger, unwanted] = [new Author(), new Author(), new Author()]
    const relay = await Relay.start({
      ...SETTINGS,
      'auth.read': 'authenticated',
      'auth.write': 'allowed',
      'auth.allowed_pubkeys': member.pubkey,
      'auth.denied_pubkeys': unwanted.pubkey,
      'auth.challenge_at_connect': true,
    })
    try {
      const client = await Conversation.open(relay)
      await client.raw.find(([verb]) => verb === 'AUTH')
      const closed = (await client.request({ kinds: [1] })).end
      assert.match(closed[2], /^auth-required: /)
      assert.match((await client.count({ kinds: [1] }))[2], /^auth-required: /)
      await client.accept(member.sign())
      await client.refuse(stranger.sign(), /^auth-required: /)
      await client.authenticate(stranger)
      await client.refuse(stranger.sign(), /^restricted: /)
      assert.equal((await client.request({ kinds: [1] })).ids.length, 1)
      const [accepted, text] = await client.sendAuth(await client.authEvent(unwanted))
      assert.equal(accepted, false)
      assert.match(text, /^restricted: /)
      await client.refuse(unwanted.sign(), /^blocked: /)
      client.close()
    } finally {
      await relay.stop()
    }
  })
})
