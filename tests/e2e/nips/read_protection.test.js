// Every way of asking, crossed with every protected kind and every identity. What is expected comes
// from one rule; a verb of the protocol that no way covers fails the last test.
import { after, before, describe } from 'node:test'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import { Author } from '../support/client.js'
import { Relay } from '../support/relay.js'
import { SETTINGS, Conversation, it } from './conversation.js'

const EPHEMERAL = 21059
const KINDS = [4, 1059, EPHEMERAL]
const MARKER = 20098 // seen by everybody; when it has come, all before it has come

const author = new Author()
const [first, recipient] = [new Author(), new Author()]
const mentioned = new Author() // in a P tag and in the content, which give no right
const IDENTITIES = {
  nobody: [],
  author: [author],
  recipient: [recipient],
  'the other recipient': [first],
  stranger: [mentioned],
  'recipient as a second key': [new Author(), recipient],
}

// The rule of NIP-04, 17 and 59.
function maySee(kind, keys) {
  if (keys.includes(recipient) || keys.includes(first)) return true
  return kind === 4 && keys.includes(author)
}

function secret(kind, serial) {
  return author.sign({
    kind,
    tags: [
      ['P', mentioned.pubkey],
      ['p', first.pubkey],
      ['p', recipient.pubkey],
      ['x', `serial ${serial}`],
    ],
    content: mentioned.pubkey,
  })
}

// Each way: the verb that it goes by, and how many times the event came or was counted by it.
// `names` says that the filters name the kind, which nobody may do without AUTH.
const serialOf = event => [event.tags.at(-1)[1]]
const counted = ([verb, , answer]) => (verb === 'COUNT' ? answer.count : 0)

// The event is there before it is asked for.
function stored(filters) {
  return async (conversation, event, publish) => {
    await publish(event)
    const { ids } = await conversation.request(...filters(event))
    return ids.filter(id => id === event.id).length
  }
}

// The event comes while the subscription is open.
function live(filters) {
  return async (conversation, event, publish) => {
    const { name } = await conversation.request(...filters(event))
    const markers = await conversation.request({ kinds: [MARKER] })
    await publish(event)
    const marker = new Author().sign({ kind: MARKER })
    await publish(marker)
    await conversation.raw.find(
      ([verb, id, heard]) => verb === 'EVENT' && id === markers.name && heard.id === marker.id)
    return conversation.eventsOf(name).filter(heard => heard.id === event.id).length
  }
}

function count(filters) {
  return async (conversation, event, publish) => {
    await publish(event)
    return counted(await conversation.count(...filters(event)))
  }
}

// By what the count grows: the filters match other events too.
function growth(filters) {
  return async (conversation, event, publish) => {
    const earlier = counted(await conversation.count(...filters(event)))
    await publish(event)
    return counted(await conversation.count(...filters(event))) - earlier
  }
}

// Whether the author has left a trace in the registers.
function registers(filters) {
  return async (conversation, event, publish) => {
    await publish(event)
    const [verb, , answer] = await conversation.count(...filters(event))
    if (verb === 'CLOSED') return 0
    assert.match(answer.hll, /^[0-9a-f]{512}$/)
    return /[^0]/.test(answer.hll) ? 1 : 0
  }
}

const byRecipient = { '#p': [recipient.pubkey] }
const WAYS = {
  'REQ by kinds': { verb: 'REQ', names: true, ask: stored(e => [{ kinds: [e.kind] }]) },
  'REQ by mixed kinds': { verb: 'REQ', names: true, ask: stored(e => [{ kinds: [1, e.kind] }]) },
  'REQ by kind and id': { verb: 'REQ', names: true, ask: stored(e => [{ kinds: [e.kind], ids: [e.id] }]) },
  'REQ by kind and recipient': { verb: 'REQ', names: true, ask: stored(e => [{ kinds: [e.kind], ...byRecipient }]) },
  'REQ by id': { verb: 'REQ', ask: stored(e => [{ ids: [e.id] }]) },
  'REQ by recipient': { verb: 'REQ', ask: stored(() => [byRecipient]) },
  'REQ by author': { verb: 'REQ', ask: stored(e => [{ authors: [e.pubkey] }]) },
  'REQ by another tag': { verb: 'REQ', ask: stored(e => [{ '#x': serialOf(e) }]) },
  'REQ for everything': { verb: 'REQ', ask: stored(() => [{}]) },
  'REQ in a second filter': { verb: 'REQ', ask: stored(e => [{ kinds: [1] }, { ids: [e.id] }]) },
  'live by kinds': { verb: 'EVENT', names: true, ask: live(e => [{ kinds: [e.kind] }]) },
  'live by mixed kinds': { verb: 'EVENT', names: true, ask: live(e => [{ kinds: [1, e.kind] }]) },
  'live by recipient': { verb: 'EVENT', ask: live(() => [byRecipient]) },
  'live by author': { verb: 'EVENT', ask: live(e => [{ authors: [e.pubkey] }]) },
  'live by id': { verb: 'EVENT', ask: live(e => [{ ids: [e.id] }]) },
  'live for everything': { verb: 'EVENT', ask: live(() => [{}]) },
  'COUNT by kinds': { verb: 'COUNT', names: true, ask: growth(e => [{ kinds: [e.kind] }]) },
  'COUNT by kind and recipient': { verb: 'COUNT', names: true, ask: growth(e => [{ kinds: [e.kind], ...byRecipient }]) },
  'COUNT by id': { verb: 'COUNT', ask: count(e => [{ ids: [e.id] }]) },
  'COUNT by author': { verb: 'COUNT', ask: growth(e => [{ authors: [e.pubkey] }]) },
  'COUNT of everything': { verb: 'COUNT', ask: growth(() => [{}]) },
  'COUNT in two filters': { verb: 'COUNT', ask: growth(e => [{ authors: [e.pubkey] }, { ids: [e.id] }]) },
  'HyperLogLog of a COUNT': { verb: 'COUNT', ask: registers(e => [{ '#x': serialOf(e) }]) },
  'HyperLogLog of a COUNT by kind': { verb: 'COUNT', names: true, ask: registers(e => [{ kinds: [e.kind], '#x': serialOf(e) }]) },
  // The identity is shown after the subscription was opened.
  'live after AUTH, by recipient': { verb: 'AUTH', late: true, ask: live(() => [byRecipient]) },
  'live after AUTH, for everything': { verb: 'AUTH', late: true, ask: live(() => [{}]) },
}
// Verbs by which nothing is read.
const WRITE_ONLY = ['CLOSE']

describe('read protection', { timeout: 180_000 }, () => {
  let relay
  let publisher
  let serial = 0

  before(async () => {
    relay = await Relay.start(SETTINGS)
    publisher = await Conversation.open(relay)
  })
  after(async () => {
    publisher?.close()
    await relay?.stop()
  })

  for (const [way, { ask, late, names }] of Object.entries(WAYS)) {
    for (const kind of KINDS) {
      for (const [identity, keys] of Object.entries(IDENTITIES)) {
        it(`${way}, kind ${kind}, ${identity}`, async () => {
          const conversation = await Conversation.open(relay)
          const authenticate = async () => {
            for (const key of keys) await conversation.authenticate(key)
          }
          if (!late) await authenticate()
          const from = conversation.raw.messages.length

          serial += 1
          const event = secret(kind, serial)
          const publish = async next => {
            if (late && next === event) await authenticate()
            await publisher.accept(next)
          }
          const times = await ask(conversation, event, publish)
          const exists = kind !== EPHEMERAL || way.startsWith('live')
          assert.equal(times, exists && maySee(kind, keys) ? 1 : 0)

          // Withheld in silence, unless nobody in particular asked for the kind by its number.
          if (!late) {
            const heard = conversation.raw.messages.slice(from)
            const closed = heard.filter(([verb]) => verb === 'CLOSED')
            if (names && keys.length === 0) {
              assert.ok(closed.length > 0, 'no CLOSED')
              for (const message of closed) assert.match(message[2], /^auth-required: /)
              assert.equal(heard[0][0], 'AUTH', 'the challenge comes before the first refusal')
            } else {
              assert.deepEqual(closed, [])
            }
          }
          conversation.close()
        })
      }
    }
  }

  it('has a way for every verb that the relay knows', async () => {
    const source = await readFile(
      new URL('../../../src/protocol/client_message.cpp', import.meta.url), 'utf8')
    const verbs = [...source.matchAll(/verb == "([A-Z-]+)"/g)].map(match => match[1])
    assert.ok(verbs.length >= 5, 'the parser is not where this test looks for it')
    const covered = new Set([...WRITE_ONLY, ...Object.values(WAYS).map(({ verb }) => verb)])
    for (const verb of verbs) assert.ok(covered.has(verb), `no way covers ${verb}`)
  })
})
