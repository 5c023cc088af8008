// What a hostile or broken client sends: a clear answer or a closed socket, and no effect on others.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { connect as connectTcp } from 'node:net'

import { Author, RawClient, now } from './support/client.js'
import { Relay } from './support/relay.js'

describe('bad input', { timeout: 60_000 }, () => {
  let relay
  let witness // another client, which must notice nothing
  const author = new Author()

  before(async () => {
    relay = await Relay.start()
    witness = await RawClient.open(relay.url)
  })
  after(async () => {
    witness?.close()
    await relay?.stop()
  })

  // The answer's verb and, if given, its subscription and reason; the connection goes on.
  const isAnswered = (name, message, verb, ...rest) =>
    it(`is answered with ${verb}: ${name}`, async () => {
      const raw = await RawClient.open(relay.url)
      const answer = await raw.ask(message)
      assert.equal(answer[0], verb, JSON.stringify(answer))
      rest.forEach((expected, i) => {
        if (expected instanceof RegExp) assert.match(answer[i + 1], expected)
        else assert.equal(answer[i + 1], expected)
      })
      assert.ok(await raw.isAlive())
      raw.close()
    })

  const good = author.sign()
  isAnswered('broken JSON', '["REQ","s",', 'NOTICE')
  isAnswered('an empty message', '', 'NOTICE')
  isAnswered('an object', '{}', 'NOTICE')
  isAnswered('an empty array', [], 'NOTICE')
  isAnswered('an unknown verb', ['SHOUT', 'a'], 'NOTICE')
  isAnswered('a verb that is no string', [7], 'NOTICE')
  isAnswered('deep nesting', '['.repeat(5000), 'NOTICE')
  isAnswered('deep and closed nesting', '['.repeat(5000) + ']'.repeat(5000), 'NOTICE')
  isAnswered('a number that no double holds', '["REQ","s",{"since":1e999}]', 'NOTICE')
  isAnswered('a number that no integer holds', '["REQ","s",{"since":1e300}]', 'CLOSED', 's', /^invalid: /)
  isAnswered('a REQ without a filter', ['REQ', 's'], 'CLOSED', 's', /^invalid: /)
  isAnswered('a REQ without anything', ['REQ'], 'NOTICE')
  isAnswered('a number for a subscription', ['REQ', 5, {}], 'NOTICE')
  isAnswered('a filter that is no object', ['REQ', 's', 1], 'CLOSED', 's', /^invalid: /)
  isAnswered('a prefix of an id', ['REQ', 's', { ids: ['ab'] }], 'CLOSED', 's', /^invalid: /)
  isAnswered('an id in capitals', ['REQ', 's', { ids: ['AB'.repeat(32)] }], 'CLOSED', 's', /^invalid: /)
  isAnswered('a short tag id', ['REQ', 's', { '#e': ['xyz'] }], 'CLOSED', 's', /^invalid: /)
  isAnswered('an unknown condition', ['REQ', 's', { size: 1 }], 'CLOSED', 's', /^unsupported: /)
  isAnswered('an EVENT without an event', ['EVENT'], 'NOTICE')
  isAnswered('an EVENT without an id', ['EVENT', {}], 'NOTICE')
  isAnswered('an event with a kind too high', ['EVENT', { ...good, kind: 65536 }], 'OK', good.id, false, /^invalid: /)
  isAnswered('an event with a fraction', ['EVENT', { ...good, created_at: 1.5 }], 'OK', good.id, false, /^invalid: /)
  isAnswered('an event with an empty tag', ['EVENT', { ...good, tags: [[]] }], 'OK', good.id, false, /^invalid: /)
  isAnswered('an event with null in a tag', ['EVENT', { ...good, tags: [['a', null]] }], 'OK', good.id, false, /^invalid: /)
  isAnswered('half a surrogate pair', '["REQ","s",{"#t":["\\ud800"]}]', 'NOTICE')

  for (const [name, id] of [['an empty', ''], ['too long a', 'x'.repeat(65)]]) {
    it(`is refused: ${name} subscription id`, async () => {
      const raw = await RawClient.open(relay.url)
      const [verb] = await raw.ask(['REQ', id, {}])
      assert.ok(['CLOSED', 'NOTICE'].includes(verb))
      assert.ok(await raw.isAlive())
      raw.close()
    })
  }

  it('takes a subscription id again after its REQ was refused', async () => {
    const raw = await RawClient.open(relay.url)
    assert.equal((await raw.ask(['REQ', 's', { ids: ['ab'] }]))[0], 'CLOSED')
    assert.deepEqual(await raw.ask(['REQ', 's', { ids: ['0'.repeat(64)] }]), ['EOSE', 's', ['finish']])
    raw.close()
  })

  // NOTICE or a closed connection, as the relay likes.
  const isSurvived = (name, act) =>
    it(`does not disturb others: ${name}`, async () => {
      const raw = await RawClient.open(relay.url)
      await act(raw)
      await Promise.race([raw.find(([verb]) => verb === 'NOTICE').catch(() => {}), raw.untilClosed()])
      raw.close()
      assert.ok(await witness.isAlive())
    })

  isSurvived('a megabyte of brackets', raw => raw.send('['.repeat(1 << 20)))
  isSurvived('a message above the limit', raw => raw.send(JSON.stringify(['x'.repeat(1 << 20)])))
  isSurvived('a binary frame', raw => raw.send(Buffer.from([0, 1, 2, 255]), { binary: true }))
  isSurvived('a text frame that is not UTF-8', raw => raw.send(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])))

  it('puts a message in fragments together', async () => {
    const raw = await RawClient.open(relay.url)
    const event = author.sign({ created_at: now(), content: 'in pieces' })
    const text = JSON.stringify(['EVENT', event])
    raw.send(text.slice(0, 10), { fin: false })
    raw.send(text.slice(10, 30), { fin: false })
    raw.send(text.slice(30))
    const [, , accepted] = await raw.find(([verb, id]) => verb === 'OK' && id === event.id)
    assert.equal(accepted, true)
    raw.close()
  })

  it('does not disturb others: bytes that are no HTTP', async () => {
    const { hostname, port } = new URL(relay.url)
    const socket = connectTcp(Number(port), hostname)
    socket.resume()
    socket.on('error', () => {}) // a reset is an answer too
    socket.write('\x16\x03\x01\x00\xa5 this is not a request\r\n\r\n')
    await new Promise(resolve => socket.once('close', resolve))
    assert.ok(await witness.isAlive())
  })

  it('does not disturb others: 200 connections that break off', async () => {
    const open = () => RawClient.open(relay.url).then(raw => raw.close(), () => {})
    await Promise.all(Array.from({ length: 200 }, open))
    assert.ok(await witness.isAlive())
  })
})
