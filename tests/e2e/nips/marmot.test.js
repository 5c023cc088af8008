import { after, before, describe } from 'node:test'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

import { Author, now } from '../support/client.js'
import { Relay } from '../support/relay.js'
import { SETTINGS, Conversation, it, uniqueName } from './conversation.js'

const group = () => randomBytes(32).toString('hex')
const message = (id, more = {}) =>
  new Author().sign({ kind: 445, tags: [['h', id]], content: uniqueName(), ...more })

describe('Marmot', { timeout: 60_000 }, () => {
  let relay
  let client

  before(async () => {
    relay = await Relay.start({
      ...SETTINGS,
      'admin.port': 0,
      'marmot.require_group_tag': true,
      'marmot.max_group_values': 2,
      'marmot.max_window_seconds': 3600,
      'marmot.group_event_bytes': 2048,
      'marmot.key_package_bytes': 4096,
      'marmot.gift_wrap_bytes': 8192,
    })
    client = await Conversation.open(relay)
  })
  after(async () => {
    client?.close()
    await relay?.stop()
  })

  const recent = more => ({ kinds: [445], since: now() - 3000, ...more })

  it('has a group message for its group when it says OK, and after a crash', async () => {
    const id = group()
    const live = await client.request(recent({ '#h': [id] }))
    const [event, bare] = [message(id), message(group(), { tags: [] })]
    const member = await Conversation.open(relay)
    await client.accept(event)
    assert.deepEqual((await member.request(recent({ '#h': [id] }))).ids, [event.id])
    member.close()
    await client.raw.find(([verb, name]) => verb === 'EVENT' && name === live.name)
    await client.accept(bare)
    assert.deepEqual((await client.request({ ids: [bare.id] })).ids, [bare.id])
    await relay.kill()
    await relay.startAgain()
    client.close()
    client = await Conversation.open(relay)
    assert.deepEqual((await client.request(recent({ '#h': [id] }))).ids, [event.id])
  })

  it('takes the kinds of both generations, replacing what is replaceable', async () => {
    const author = new Author()
    await client.accept(author.sign({ kind: 443, content: 'old' }), author.sign({ kind: 443, content: 'old too' }))
    assert.equal((await client.request({ kinds: [443], authors: [author.pubkey] })).ids.length, 2)
    for (const kind of [10050, 10051]) {
      const version = created_at => author.sign({ kind, created_at, tags: [['relay', 'wss://a.example']] })
      const newer = version(now())
      await client.accept(version(now() - 5), newer)
      assert.deepEqual((await client.request({ kinds: [kind], authors: [author.pubkey] })).ids, [newer.id])
    }
    const reference = group()
    const slot = author.sign({ kind: 30443, tags: [['d', group()], ['i', reference]] })
    await client.accept(slot)
    assert.deepEqual((await client.request({ kinds: [30443], '#i': [reference] })).ids, [slot.id])
    for (const kind of [444, 446]) await client.refuse(author.sign({ kind }), /^blocked: /)
  })

  it('wants groups to be named, a few at a time, and a short time', async () => {
    const [a, b, c] = [group(), group(), group()]
    const closed = async filter => {
      const { end } = await client.request(filter)
      assert.equal(end[0], 'CLOSED', JSON.stringify(filter))
      return end[2]
    }
    assert.match(await closed(recent({})), /^blocked: .*#h/)
    assert.match(await closed(recent({ '#h': [a, b, c] })), /^invalid: /)
    assert.match(await closed({ kinds: [445], '#h': [a] }), /^invalid: .*since/)
    const long = { kinds: [445], '#h': [a], since: now() - 5000 }
    assert.match(await closed(long), /^invalid: .*seconds/)
    assert.match(await closed({ ...long, kinds: [1, 445] }), /^invalid: /)
    const served = async filter => assert.equal((await client.request(filter)).end[0], 'EOSE')
    await served({ ...long, until: now() - 3000 })
    await served(recent({ '#h': [a, b] }))
    assert.equal((await client.count(recent({})))[0], 'CLOSED')
    assert.equal((await client.request({ kinds: [1] })).end[0], 'EOSE')
  })

  it('bounds the size of each kind', async () => {
    const large = 'x'.repeat(3000)
    await client.refuse(message(group(), { content: large }), /^invalid: /)
    await client.accept(new Author().sign({ kind: 443, content: large }))
    await client.refuse(new Author().sign({ kind: 443, content: large + large }), /^invalid: /)
    const letter = content => new Author().sign({ kind: 1059, content, tags: [['p', group()]] })
    await client.accept(letter(large + large))
    await client.refuse(letter(large + large + large), /^invalid: /)
    const slot = content => new Author().sign({ kind: 30443, content, tags: [['d', group()]] })
    await client.accept(slot(large))
    await client.refuse(slot(large + large), /^invalid: /)
    await client.accept(new Author().sign({ content: large + large + large }))
  })
})
