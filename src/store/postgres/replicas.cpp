#include "store/postgres/replicas.hpp"

#include "parrhesia/base/log.hpp"

#include "store/postgres/read_statements.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <stdexcept>

namespace parrhesia::store::postgres {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookTimeout{1000};
constexpr std::chrono::seconds kRetryInterval{5};
constexpr const char* kState = "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn()";

}  // namespace

Lsn parse_lsn(std::string_view text) noexcept {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return 0;
    const auto part = [](std::string_view digits, std::uint32_t& value) {
        const auto [end, code] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        return code == std::errc() && end == digits.data() + digits.size();
    };
    std::uint32_t high = 0;
    std::uint32_t low = 0;
    if (!part(text.substr(0, slash), high) || !part(text.substr(slash + 1), low)) return 0;
    return Lsn{high} << 32 | low;
}

Replica::Replica(const Database& database, const std::string& connection)
    : options_(database.reader_options(connection)),
      name_(without_password(connection)),
      availability_("the replica " + name_ + " is not used"),
      pool_(options_, availability_, database.options().read_connections) {}

bool Replica::has_replayed(Lsn fence) {
    if (!availability_.is_up() || fence == kNoLsn) return false;
    if (replayed_.load() >= fence) return true;
    const Patience patience{steady_clock::now() + kLookTimeout,
                            [this] { return !availability_.is_up(); }};
    try {
        const ConnectionPool::Lease connection = pool_.borrow(patience);
        const Rows rows = connection->execute(kState);
        if (rows.bytes(0, 0) == "t") raise_replayed(parse_lsn(rows.bytes(0, 1)));
    } catch (const DatabaseError& error) {
        base::log::debug("store: a replica does not answer: {}", error.what());
    }
    return replayed_.load() >= fence;
}

void Replica::raise_replayed(Lsn lsn) noexcept {
    Lsn known = replayed_.load();
    while (known < lsn && !replayed_.compare_exchange_weak(known, lsn)) {
    }
}

void Replica::look(const Database& database, Lsn must_have) {
    if (!control_ && steady_clock::now() < next_attempt_) return;
    const Patience patience{steady_clock::now() + kLookTimeout, {}};
    try {
        if (!control_) {
            ConnectionOptions options = options_;
            options.statements = {};
            control_ = std::make_unique<Connection>(options, patience);
        }
        control_->set_patience(patience);
        const Rows rows = control_->execute(kState);
        if (rows.bytes(0, 0) != "t") throw std::runtime_error("it is no standby");
        raise_replayed(parse_lsn(rows.bytes(0, 1)));
        if (replayed_.load() < must_have) {
            throw std::runtime_error("it is more than " +
                                     std::to_string(database.options().max_replica_lag.count()) +
                                     " ms behind");
        }
        availability_.mark_up();
    } catch (const std::exception& error) {
        availability_.mark_down(error.what());
        // What it has replayed may be of another history, when it comes back.
        if (!control_ || control_->is_broken()) {
            replayed_ = 0;
            control_.reset();
            next_attempt_ = steady_clock::now() + kRetryInterval;
        }
    }
}

Replicas::Replicas(const Database& database) : database_(database) {
    for (const std::string& connection : database.options().replicas) {
        replicas_.push_back(std::make_unique<Replica>(database, connection));
    }
}

Replica* Replicas::choose(Lsn fence) {
    const std::size_t first = replicas_.empty() ? 0 : turn_++;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
        Replica& replica = *replicas_[(first + i) % replicas_.size()];
        if (replica.has_replayed(fence)) return &replica;
    }
    return nullptr;
}

void Replicas::look(Connection* primary) {
    if (replicas_.empty()) return;
    const base::SteadyTime now = steady_clock::now();
    if (primary != nullptr) {
        const Rows rows = primary->execute("SELECT pg_current_wal_flush_lsn()");
        samples_.push_back({now, parse_lsn(rows.bytes(0, 0))});
    }
    // The last that is old enough, which is what a replica must have by now.
    const base::SteadyTime oldest = now - database_.options().max_replica_lag;
    while (samples_.size() > 1 && samples_[1].at <= oldest) samples_.pop_front();
    const Lsn must_have =
        samples_.empty() || samples_.front().at > oldest ? 0 : samples_.front().lsn;
    for (const auto& replica : replicas_) replica->look(database_, must_have);
}

std::size_t Replicas::usable() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(replicas_.begin(), replicas_.end(),
                      [](const auto& replica) { return replica->availability().is_up(); }));
}

}  // namespace parrhesia::store::postgres
