// The way of a COUNT: a stored query that delivers a number (NIP-45).
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/event/hyperloglog.hpp"
#include "parrhesia/pipeline/client.hpp"
#include "parrhesia/policy/viewer.hpp"
#include "parrhesia/protocol/reply.hpp"
#include "parrhesia/store/readers.hpp"

#include "pipeline/shard.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parrhesia::pipeline {

class CountQuery;

// What a COUNT asks of the connection that owns it. Either call destroys the query.
class CountOwner {
  public:
    virtual ~CountOwner() = default;
    virtual void on_counted(CountQuery& query, const protocol::Count& count) = 0;
    virtual void on_count_failed(CountQuery& query, base::error_code why) = 0;
};

// Threading: belongs to the shard's io thread.
class CountQuery {
  public:
    // The filters have no limits: a count is of all that match.
    CountQuery(Shard& shard, CountOwner& owner, std::string escaped_id,
               std::vector<event::Filter> filters, base::SteadyTime received_at);
    ~CountQuery();
    CountQuery(const CountQuery&) = delete;
    CountQuery& operator=(const CountQuery&) = delete;

    // Counts what `viewer` may see.
    void start(std::shared_ptr<const policy::Viewer> viewer);

    [[nodiscard]] const std::string& escaped_id() const noexcept { return escaped_id_; }
    [[nodiscard]] std::size_t filter_items() const noexcept { return filter_items_; }
    [[nodiscard]] base::SteadyTime received_at() const noexcept { return received_at_; }

  private:
    void on_page(const store::QueryPage& page);

    // constant after construction
    Shard& shard_;
    CountOwner& owner_;
    const std::string escaped_id_;
    const std::size_t filter_items_;
    const base::SteadyTime received_at_;

    // owned by the io thread
    std::vector<event::Filter> filters_;  // until start()
    std::shared_ptr<store::Query> query_;
    protocol::Count count_;
    std::optional<event::HyperLogLog> hll_;
};

}  // namespace parrhesia::pipeline
