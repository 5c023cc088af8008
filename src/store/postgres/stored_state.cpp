#include "store/postgres/stored_state.hpp"

#include "parrhesia/event/parse.hpp"

#include "store/rules/tombstones.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::store::postgres {
namespace {

// Places in PostgresState::kStatements.
constexpr std::size_t kIds = 0;
constexpr std::size_t kVersions = 1;
constexpr std::size_t kTombstones = 2;
constexpr std::size_t kTargets = 3;

constexpr const char* kVanishes = "SELECT pubkey, until, seq FROM vanish_work";

void make_unique(std::vector<std::string>& keys) {
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
}

void add_tombstones(const EventView& event, std::vector<std::string>& keys) {
    const auto add = [&keys](const KeyBuffer& key) { keys.emplace_back(key.view()); };
    add(vanished_key(event.pubkey_bytes()));
    if (event.kind() == event::kDeletion || event.kind() == event::kVanish) return;
    add(deleted_id_key(event.id_bytes(), event.pubkey_bytes()));
    if (event.kind() == event::kGiftWrap) {
        for_each_recipient(event, [&](std::string_view recipient) {
            add(deleted_id_key(event.id_bytes(), recipient));
            add(vanished_wrap_key(event.id_bytes(), recipient));
        });
    }
    if (has_address(event.kind())) {
        const KeyBuffer address = address_key(event);
        add(deleted_address_key(address.view()));
        add(expired_version_key(address.view()));
    }
}

}  // namespace

// A version is looked up before the tombstones: upkeep replaces an expired version by a tombstone,
// in one transaction, and one of the two must be seen.
const std::array<Statement, 4> PostgresState::kStatements{{
    {"batch_ids", "SELECT id, seq FROM event WHERE id = ANY($1::bytea[])"},
    {"batch_versions",
     "SELECT address, seq, created_at, id FROM event WHERE address = ANY($1::bytea[])"},
    {"batch_tombstones", "SELECT key, until, id FROM tombstone WHERE key = ANY($1::bytea[])"},
    {"batch_targets", "SELECT id, seq, raw FROM event WHERE id = ANY($1::bytea[])"},
}};

Questions Questions::of(std::span<const EventPtr> batch) {
    Questions questions;
    for (const EventPtr& event : batch) {
        const EventView view = event->view();
        if (has_address(view.kind())) {  // the version that stands there tells of the id, too
            questions.addresses.emplace_back(address_key(view).view());
        } else {
            questions.ids.emplace_back(view.id_bytes());
        }
        add_tombstones(view, questions.tombstones);
        if (view.kind() != event::kDeletion) continue;
        for (const event::IndexedTag tag : view.tags()) {
            if (tag.name == 'e') {
                if (const auto id = base::parse_hex<Id>(tag.value)) {
                    questions.targets.emplace_back(id->view());
                }
            } else if (tag.name == 'a') {
                const auto address = own_address_key(tag.value, view.pubkey_bytes());
                if (address) questions.addresses.emplace_back(address->view());
            }
        }
    }
    make_unique(questions.ids);
    make_unique(questions.targets);
    make_unique(questions.addresses);
    make_unique(questions.tombstones);
    return questions;
}

void PostgresState::ask(Connection& connection, const Questions& questions) {
    const auto send = [&connection](std::size_t lookup, const std::vector<std::string>& keys) {
        if (keys.empty()) return;
        Parameters parameters;
        parameters.add(std::span(keys));
        connection.send(kStatements[lookup], parameters);
    };
    send(kIds, questions.ids);
    send(kVersions, questions.addresses);
    send(kTombstones, questions.tombstones);
    send(kTargets, questions.targets);
    connection.send(kVanishes);
}

void PostgresState::take_answers(Connection& connection, const Questions& questions) {
    if (!questions.ids.empty()) answers_.ids = connection.next();
    if (!questions.addresses.empty()) answers_.versions = connection.next();
    if (!questions.tombstones.empty()) answers_.tombstones = connection.next();
    if (!questions.targets.empty()) answers_.targets = connection.next();
    answers_.vanishes = connection.next();
}

void PostgresState::read_answers() {
    const Rows& ids = answers_.ids;
    for (int row = 0; row < ids.size(); ++row) {
        seqs_.emplace(ids.bytes(row, 0), static_cast<std::uint64_t>(ids.int64(row, 1)));
    }
    const Rows& versions = answers_.versions;
    for (int row = 0; row < versions.size(); ++row) {
        const Version version{versions.int64(row, 2), Id::from_raw(versions.bytes(row, 3))};
        const auto seq = static_cast<std::uint64_t>(versions.int64(row, 1));
        versions_.emplace(versions.bytes(row, 0), StoredVersion{version, seq});
    }
    const Rows& tombstones = answers_.tombstones;
    for (int row = 0; row < tombstones.size(); ++row) {
        tombstones_.emplace(
            tombstones.bytes(row, 0),
            Tombstone{tombstones.int64(row, 1), std::string(tombstones.bytes(row, 2))});
    }
    for (const Vanish& vanish : read_vanishes(answers_.vanishes)) {
        vanishes_.emplace(std::string(vanish.author.view()), vanish.seq);
    }
    read_targets();
}

void PostgresState::read_targets() {
    event::JsonReader reader;
    const Rows& rows = answers_.targets;
    for (int row = 0; row < rows.size(); ++row) {
        auto event = reader.event(rows.bytes(row, 2));
        if (!event) {
            throw DatabaseError(DatabaseError::Kind::statement, "XX001",
                                "event.raw with seq " + std::to_string(rows.int64(row, 1)) +
                                    " is no event: " + event.error().text);
        }
        const std::string id(rows.bytes(row, 0));
        seqs_.emplace(id, static_cast<std::uint64_t>(rows.int64(row, 1)));
        targets_.emplace(id, *std::move(event));
    }
}

int PostgresState::find_seq(const Id& id, std::uint64_t& seq) const {
    const auto found = seqs_.find(std::string(id.view()));
    seq = found == seqs_.end() ? 0 : found->second;
    return 0;
}

int PostgresState::find_event(const Id& id, StoredEvent& stored) const {
    const auto found = targets_.find(std::string(id.view()));
    if (found == targets_.end()) return 0;
    stored.event = found->second->view();
    return find_seq(id, stored.seq);
}

int PostgresState::find_version(const KeyBuffer& address,
                                std::optional<StoredVersion>& version) const {
    const auto found = versions_.find(std::string(address.view()));
    version.reset();
    if (found != versions_.end()) version = found->second;
    return 0;
}

int PostgresState::has_tombstones(bool& any) const {
    any = !tombstones_.empty() || !vanishes_.empty();
    return 0;
}

int PostgresState::find_tombstone(const KeyBuffer& key, std::optional<std::int64_t>& time) const {
    const auto found = tombstones_.find(std::string(key.view()));
    time.reset();
    if (found != tombstones_.end()) time = found->second.until;
    return 0;
}

int PostgresState::find_expired_version(const KeyBuffer& address,
                                        std::optional<Version>& version) const {
    const auto found = tombstones_.find(std::string(expired_version_key(address.view()).view()));
    version.reset();
    if (found != tombstones_.end() && found->second.id.size() == Id().view().size()) {
        version = Version{found->second.until, Id::from_raw(found->second.id)};
    }
    return 0;
}

int PostgresState::find_pending_vanish(const base::PubKey& author, std::uint64_t& seq) const {
    const auto found = vanishes_.find(std::string(author.view()));
    seq = found == vanishes_.end() ? 0 : found->second;
    return 0;
}

std::vector<Vanish> read_vanishes(const Rows& rows) {
    std::vector<Vanish> vanishes;
    for (int row = 0; row < rows.size(); ++row) {
        vanishes.push_back({base::PubKey::from_raw(rows.bytes(row, 0)), rows.int64(row, 1),
                            static_cast<std::uint64_t>(rows.int64(row, 2))});
    }
    return vanishes;
}

}  // namespace parrhesia::store::postgres
