#include "app/supported_nips.hpp"

#include <fmt/format.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::app {
namespace {

constexpr std::size_t kColumns = 120;

constexpr std::string_view kHead = R"(# What of the protocol is supported

The rows of this table are what the relay announces as `supported_nips` (NIP-11). A row is here when its rules hold
on every way into the relay and out of it, and when the cases named in it pass: they are tests of these names, run
over a websocket against the real executable (tests/e2e/nips). This page is made by `parrhesia nips --markdown` from
the table in src/app/supported_nips.cpp.

)";

constexpr std::string_view kTail = R"(## Kinds with rules of their own

| kinds | rule |
|---|---|
| 0, 3, 10000-19999 | replaceable: the latest of each author and kind is kept; the lowest id wins a tie |
| 30000-39999 | addressable: the same for each author, kind and first `d` tag; no `d` is the same as an empty one |
| 20000-29999 | ephemeral: delivered to open subscriptions, never stored |
| all others | regular: kept, every one of them; this includes the ranges that NIP-01 leaves undefined |
| 4 | read by its author and by those its `p` tags name (NIP-04) |
| 5 | deletes; is never deleted itself (NIP-09) |
| 6, 16 | refused when the content embeds a protected event (NIP-70) |
| 14, 15, 444, 446 | refused: they travel inside a gift wrap, unsigned (NIP-17, Marmot) |
| 62 | removes all of its author; is not subject to policy (NIP-62) |
| 1059, 21059 | read by those their `p` tags name (NIP-59) |
| 22242, 24242, 27235 | refused: they authenticate or authorize a request and are never published (NIP-42, Blossom, NIP-98) |

## Lists (NIP-51)

NIP-51 asks nothing of a relay but the kind classes: its lists are replaceable (10000-19999), its sets addressable
(30000-39999). The default limits let lists of 5,000 entries pass.

## Marmot (MLS groups)

| kind | what it is | treated as |
|---|---|---|
| 30443 | key package | addressable; at most `marmot.key_package_bytes` |
| 443 | key package before 2026 | regular; at most `marmot.key_package_bytes`; mostly protected (NIP-70) |
| 445 | group message, by a throwaway key, to the group in its `h` tag | regular; at most `marmot.group_event_bytes` |
| 1059 | welcome, and direct messages | protected as under NIP-59; at most `marmot.gift_wrap_bytes` |
| 10050, 10051 | where welcomes and key packages are looked for | replaceable, readable by all |

To a group's members `OK true` is the point from which on a commit holds, which is why it is sent after the event is
durable and served. These kinds are the traffic class `marmot` in the metrics, beside `generic` and `ephemeral`. An
operator may ask filters for kind 445 to name their groups (`marmot.require_group_tag`), and bound how many they
name (`marmot.max_group_values`) and how far back they reach (`marmot.max_window_seconds`). Group messages are kept
until they expire, unless `retention.rules` says otherwise. The keys that sign 445 and 1059 are used once, so no
rate counts by them.

Cases: T01.17, T59.01-T59.03.

## What the specification leaves open

How this relay settles it. Clients should not have to guess, and neither should whoever changes the relay.

- **An older version of a replaceable event** is refused: `false "duplicate: a newer version exists"`. `true` would
  say that it was accepted.
- **Control characters in the id's serialization.** NIP-01 to the letter has them verbatim, clients sign `\u00xx`.
  Both ids are accepted; the event is always served in the escaped form, which is the only one that is JSON.
- **An empty list in a filter** (`"kinds":[]`) matches nothing. The answer is EOSE, not an error.
- **An unknown element of a filter** is refused with `unsupported:`; to ignore it would be to answer another
  question. So is `search`, which this relay does not have.
- **`#d` with an empty string** also finds addressable events without a `d` tag, because that is their address.
- **`limit` 0** means no stored events, EOSE at once, and live events after it. A higher `limit` than
  `limits.max_limit` is taken as that.
- **What a deletion remembers.** By `e`, the id with the one who asked, so that a stranger cannot keep an event out.
  By `a`, the address with the latest time asked for. By a vanish, the pubkey with its time, and each wrap that was
  removed. None of this expires, and none of it is lost by a restart.
- **A deletion request that also names foreign events** is stored; it acts on the author's own. It may come before
  what it names: it costs no more than the request that carries it.
- **A deletion by `e` of a replaceable event** removes that version and sets no bar: another version, also an older
  one, may be published again. A deletion by `a` does set one.
- **An expired version keeps its place.** After the latest version of a replaceable event has expired an older one
  stays refused, so that nothing old comes back to life.
- **An event expires** in the very second of its `expiration`. The first `expiration` tag counts; a value that is no
  number means nothing.
- **A request to vanish is bounded by its time** and is no ban: what the author publishes later is welcome. One that
  names another relay is an ordinary event; one without any `relay` tag is `invalid:`. It matches when any of its
  `relay` tags does. The requests themselves are kept.
- **Gift wraps to a key that has vanished** are remembered by their ids, not kept out by time, because wraps are
  dated up to two days back.
- **Who asks for kinds 4, 1059 or 21059 by name** without having authenticated is told `CLOSED "auth-required:
  ..."`. From other filters such events are left out without a word, also live; what a client authenticates later
  counts from then on.
- **Authenticated, but not as the right one:** `restricted:`. `auth-required:` is only for clients of which nothing
  is known.
- **The challenge** is sent once for each connection, when it is first needed; `auth.challenge_at_connect` sends it
  at once.
- **Any tag named `-` protects**, also with further values; the specification shows only the bare one.
- **A hint at EOSE** counts what the client may see. One that told of hidden events would tell of their existence.
- **COUNT** ignores `limit`. The `hll` is for one filter with one tag attribute of one value, and follows the
  specification without a cap on the run of zeros.
- **A committed proof-of-work target** below the minimum is refused even if the id has the bits; a missing one is
  not.
- **Ephemeral events that nobody hears** are answered with `true`; `relay.mute_unheard` answers `false "mute: ..."`,
  which some clients take for an error.
- **Import and export.** An import refuses what has expired and, unless `--with-protected` says that the file is a
  backup of this relay, protected events: nobody but the author may bring those. What was deleted, and whose author has
  vanished, stays out. An export leaves out what has expired.
- **Other paths than `/`** are 404 for the websocket and for the information document alike.
)";

// "T09.01-T09.08" as the page shows it.
std::string listed(const std::vector<std::string_view>& words, std::string_view quote) {
    std::string out;
    for (const std::string_view word : words) {
        if (!out.empty()) out += ", ";
        out += fmt::format("{}{}{}", quote, word, quote);
    }
    return out;
}

// A paragraph in lines of at most kColumns.
void append_paragraph(std::string& out, const std::string& text) {
    std::istringstream words(text);
    std::string line;
    for (std::string word; words >> word;) {
        if (!line.empty() && line.size() + 1 + word.size() > kColumns) {
            out += line + '\n';
            line.clear();
        }
        if (!line.empty()) line += ' ';
        line += word;
    }
    out += line + '\n';
}

std::string link_to(const Nip& nip) {
    return fmt::format("https://github.com/nostr-protocol/nips/blob/master/{:02}.md", nip.number);
}

// "`limits`" is a section, "`limits.max_limit`" a key.
std::string config_words(const Nip& nip) {
    std::vector<std::string> words;
    for (const std::string_view key : nip.config) {
        const bool is_section = key.find('.') == std::string_view::npos;
        words.push_back(is_section ? fmt::format("`[{}]`", key) : fmt::format("`{}`", key));
    }
    return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

std::string nips_text() {
    std::string out;
    for (const Nip& nip : nips()) {
        out += fmt::format("NIP-{:02}  {:<36}  {}\n", nip.number, nip.title, listed(nip.cases, ""));
    }
    return out;
}

std::string nips_markdown() {
    std::string out(kHead);
    out += "| NIP | title | configuration | cases |\n|---|---|---|---|\n";
    for (const Nip& nip : nips()) {
        out += fmt::format("| [{:02}](#nip-{:02}) | {} | {} | {} |\n", nip.number, nip.number,
                           nip.title, config_words(nip), listed(nip.cases, ""));
    }
    for (const Nip& nip : nips()) {
        out += fmt::format("\n## NIP-{:02}\n\n", nip.number);
        append_paragraph(out, fmt::format("[{}]({}). {}", nip.title, link_to(nip), nip.supported));
    }
    out += '\n';
    out += kTail;
    return out;
}

}  // namespace parrhesia::app
