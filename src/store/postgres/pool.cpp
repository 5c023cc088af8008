#include "store/postgres/pool.hpp"

#include <utility>

namespace parrhesia::store::postgres {

ConnectionPool::Lease ConnectionPool::borrow(const Patience& patience) {
    using Kind = DatabaseError::Kind;
    const auto check = [&] {
        if (!availability_.is_up()) throw DatabaseError(Kind::lost, "", "the database is away");
        if (patience.gives_up && patience.gives_up()) {
            throw DatabaseError(Kind::cancelled, "", "the operation was given up");
        }
        if (std::chrono::steady_clock::now() >= patience.deadline) {
            throw DatabaseError(Kind::timed_out, "", "all connections for queries are in use");
        }
    };
    check();
    const std::uint64_t generation = availability_.generation();
    {
        std::unique_lock lock(mutex_);
        while (lent_ == most_) {
            returned_.wait_for(lock, std::chrono::milliseconds(20));
            check();
        }
        ++lent_;
        std::erase_if(idle_, [&](const Idle& idle) { return idle.generation != generation; });
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back().connection);
            idle_.pop_back();
            connection->set_patience(patience);
            return {*this, std::move(connection), generation};
        }
    }
    try {
        return {*this, std::make_unique<Connection>(options_, patience), generation};
    } catch (...) {
        give_back(nullptr, generation);
        throw;
    }
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection,
                               std::uint64_t generation) noexcept {
    {
        const std::scoped_lock lock(mutex_);
        --lent_;
        const bool is_good = connection != nullptr && !connection->is_broken() &&
                             generation == availability_.generation();
        if (is_good) {
            connection->set_patience({});
            idle_.push_back({std::move(connection), generation});
        }
    }
    returned_.notify_one();
}

}  // namespace parrhesia::store::postgres
