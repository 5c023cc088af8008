// Events that take others away, and a naive store that knows the rules: NIP-09, NIP-59, NIP-62.
#pragma once

#include "parrhesia/base/bytes.hpp"
#include "parrhesia/event/tags.hpp"

#include "store/store_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace parrhesia::test {

inline constexpr const char* kRelayUrl = "wss://relay.example";

[[nodiscard]] inline std::string pubkey_of(std::string_view author) {
    return base::to_hex(note(1, 1, {}, author)->pubkey());
}
[[nodiscard]] inline EventPtr deletion_of(const EventPtr& target, std::int64_t created_at,
                                          std::string_view author = "alice") {
    return note(created_at, 5, {{"e", base::to_hex(target->id())}}, author);
}
[[nodiscard]] inline EventPtr address_deletion(const std::string& address, std::int64_t created_at,
                                               std::string_view author = "alice") {
    return note(created_at, 5, {{"a", address}}, author);
}
[[nodiscard]] inline EventPtr wrap_to(std::string_view recipient, std::int64_t created_at) {
    return note(created_at, 1059, {{"p", pubkey_of(recipient)}}, "throwaway");
}
[[nodiscard]] inline EventPtr vanish_request(std::int64_t created_at,
                                             std::string_view author = "alice",
                                             const std::string& relay = "ALL_RELAYS") {
    return note(created_at, 62, {{"relay", relay}}, author);
}

inline void expect_refused(const PutResult& result, Errc why) {
    EXPECT_EQ(result.status, PutStatus::deleted);
    EXPECT_EQ(result.error, base::error_code(why)) << result.error.message();
}

// Waits for what happens in the background.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

// All that a store may do with an event, by going through everything it has seen.
class DeletionModel {
  public:
    [[nodiscard]] PutStatus put(const EventPtr& event) {
        const auto view = event->view();
        const std::string id = base::to_hex(event->id());
        const std::string author = base::to_hex(event->pubkey());
        const bool is_request = event->kind() == 62;
        if (is_stored(event->id()) && (is_request || event->kind() == 5)) {
            return PutStatus::duplicate;
        }
        const auto until = vanished_.find(author);
        if (until != vanished_.end() && event->created_at() <= until->second) {
            return PutStatus::deleted;
        }
        if (!is_request && event->kind() != 5) {
            if (deleted_.contains({id, author})) return PutStatus::deleted;
            for (const std::string& recipient : recipients(event)) {
                if (deleted_.contains({id, recipient})) return PutStatus::deleted;
                if (vanished_wraps_.contains(id)) return PutStatus::deleted;
            }
        }
        const std::string address = address_of(event);
        const auto deleted_address = deleted_addresses_.find(address);
        if (deleted_address != deleted_addresses_.end() &&
            event->created_at() <= deleted_address->second) {
            return PutStatus::deleted;
        }
        if (is_stored(event->id())) return PutStatus::duplicate;
        if (!address.empty()) {
            for (const EventPtr& stored : events_) {
                if (address_of(stored) == address && comes_before(stored, event)) {
                    return PutStatus::superseded;
                }
            }
            remove([&](const EventPtr& stored) { return address_of(stored) == address; });
        }
        if (event->kind() == 5) apply_deletion(view, author);
        if (event::is_vanish_request_to(view, {kRelayUrl})) apply_vanish(event, author);
        events_.push_back(event);
        return PutStatus::stored;
    }

    [[nodiscard]] std::vector<std::string> all() const {
        std::vector<EventPtr> sorted = events_;
        std::sort(sorted.begin(), sorted.end(), comes_before);
        return json_of(sorted);
    }
    [[nodiscard]] std::size_t size() const { return events_.size(); }
    [[nodiscard]] bool has_vanished() const { return !vanished_.empty(); }

  private:
    [[nodiscard]] bool is_stored(const Id& id) const {
        return std::any_of(events_.begin(), events_.end(),
                           [&](const EventPtr& stored) { return stored->id() == id; });
    }
    [[nodiscard]] static std::string address_of(const EventPtr& event) {
        const auto kind_class = event::class_of(event->kind());
        const bool addressable = kind_class == event::KindClass::addressable;
        if (!addressable && kind_class != event::KindClass::replaceable) return "";
        return std::to_string(event->kind()) + ":" + base::to_hex(event->pubkey()) + ":" +
               (addressable ? std::string(event->view().identifier()) : "");
    }
    [[nodiscard]] static std::vector<std::string> recipients(const EventPtr& event) {
        std::vector<std::string> result;
        if (event->kind() != 1059) return result;
        for (const auto tag : event->view().tags()) {
            if (tag.name == 'p') result.emplace_back(tag.value);
        }
        return result;
    }
    [[nodiscard]] static bool is_for(const EventPtr& event, const std::string& pubkey) {
        const auto all = recipients(event);
        return std::find(all.begin(), all.end(), pubkey) != all.end();
    }
    template <class Which>
    void remove(Which&& which) {
        std::erase_if(events_, which);
    }
    void apply_deletion(const event::EventView& deletion, const std::string& signer) {
        for (const auto tag : deletion.tags()) {
            const std::string value(tag.value);
            if (tag.name == 'e') {
                deleted_.insert({value, signer});
                remove([&](const EventPtr& stored) {
                    return base::to_hex(stored->id()) == value && stored->kind() != 5 &&
                           stored->kind() != 62 &&
                           (base::to_hex(stored->pubkey()) == signer || is_for(stored, signer));
                });
            } else if (tag.name == 'a' && value.find(":" + signer + ":") != std::string::npos) {
                auto& until = deleted_addresses_[value];
                until = std::max(until, deletion.created_at());
                remove([&](const EventPtr& stored) {
                    return address_of(stored) == value &&
                           stored->created_at() <= deletion.created_at();
                });
            }
        }
    }
    void apply_vanish(const EventPtr& request, const std::string& author) {
        vanished_[author] = request->created_at();
        remove([&](const EventPtr& stored) {
            if (is_for(stored, author)) {
                vanished_wraps_.insert(base::to_hex(stored->id()));
                return true;
            }
            return base::to_hex(stored->pubkey()) == author &&
                   stored->created_at() <= request->created_at();
        });
    }

    std::vector<EventPtr> events_;
    std::set<std::pair<std::string, std::string>> deleted_;  // id, by whom
    std::map<std::string, std::int64_t> deleted_addresses_;
    std::map<std::string, std::int64_t> vanished_;
    std::set<std::string> vanished_wraps_;
};

// A history in which much is deleted, sent again, and made to vanish.
class DeletionHistory {
  public:
    explicit DeletionHistory(unsigned seed) : random_(seed) {}

    [[nodiscard]] EventPtr next() {
        if (!known_.empty() && one_in(4)) return any();
        EventPtr event = make();
        known_.push_back(event);
        return event;
    }
    [[nodiscard]] std::size_t below(std::size_t bound) { return random_() % bound; }
    [[nodiscard]] bool one_in(std::size_t odds) { return below(odds) == 0; }

  private:
    [[nodiscard]] const EventPtr& any() { return known_[below(known_.size())]; }
    [[nodiscard]] std::string author() { return std::string(1, static_cast<char>('a' + below(3))); }
    [[nodiscard]] EventPtr make() {
        const auto time = static_cast<std::int64_t>(100 + below(40));
        switch (below(12)) {
            case 0:
            case 1:
                if (!known_.empty()) return deletion_of(any(), time, author());
                break;
            case 2: {
                const std::string who = author();
                const std::string kind = one_in(2) ? "10002" : "30023";
                const std::string name = kind == "10002" ? "" : std::to_string(below(2));
                return address_deletion(kind + ":" + pubkey_of(one_in(6) ? "b" : who) + ":" + name,
                                        time, who);
            }
            case 3:
            case 4:
                return wrap_to(author(), time);
            case 5:
                if (one_in(3)) {
                    const std::string relay = one_in(3) ? "wss://other.example" : kRelayUrl;
                    return vanish_request(time, author(), relay);
                }
                break;
            case 6:
            case 7:
                return note(time, 10002, {}, author());
            case 8:
            case 9:
                return note(time, 30023, {{"d", std::to_string(below(2))}}, author());
            default:
                break;
        }
        return note(time, 1, {}, author());
    }

    std::mt19937 random_;
    std::vector<EventPtr> known_;
};

}  // namespace parrhesia::test
